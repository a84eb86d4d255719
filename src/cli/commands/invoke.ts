import { readFile } from "node:fs/promises";
import { buffer } from "node:stream/consumers";
import type { ResponseStream } from "@aws-sdk/client-sagemaker-runtime";
import { systemClock } from "../../base/clock.ts";
import { systemRandom } from "../../base/random.ts";
import { invokeAsync } from "../async-invocation.ts";
import { AwsClients } from "../aws-clients.ts";
import { type Command, required, text } from "../command.ts";
import { connect } from "../connect.ts";
import { CliError } from "../exit-codes.ts";
import { wholeNumber } from "../program.ts";
import { duration, percentile } from "../quantities.ts";

export const invoke: Command = {
  name: "invoke",
  summary: "ask an endpoint for a prediction",
  args: [{ name: "<endpoint>", summary: "endpoint name" }],
  options: [
    { flags: "-d, --body <data>", summary: "the input: words, @file, or - for standard input", default: "-" },
    {
      flags: "-t, --content-type <type>",
      summary: "what the input is (default: by its look or its file's name)",
    },
    { flags: "-a, --accept <type>", summary: "what the answer shall be" },
    { flags: "--variant <name>", summary: "ask this variant" },
    { flags: "--stream", summary: "print the answer as it comes (InvokeEndpointWithResponseStream)" },
    { flags: "--async", summary: "wait for the result of an asynchronous request (InvokeEndpointAsync)" },
    { flags: "--timeout <seconds>", summary: "how long to wait for it", default: "900" },
    {
      flags: "--repeat <n>",
      summary: "ask n times, one after the other, and tell the latencies",
      default: "1",
    },
  ],
  examples: [
    "tideway invoke iris -d '5.1,3.5,1.4,0.2'",
    "tideway invoke iris -d @rows.csv -a application/json",
    "tideway invoke iris --async -d @rows.csv",
  ],
  async run(call) {
    const { options, terminal, signal } = call;
    const given = required(options["body"]);
    const repeat = wholeNumber(options["repeat"], "--repeat", 1, 1_000_000);
    const Body = await input(given);
    const request = {
      EndpointName: required(call.args[0]),
      Body,
      ContentType: text(options["contentType"]) ?? contentType(given, Body),
      Accept: text(options["accept"]),
      TargetVariant: text(options["variant"]),
    };
    const connection = await connect(call);
    const aws = new AwsClients(connection);
    const { sdk, client } = await aws.runtime();
    const abort = { abortSignal: signal };
    if (options["async"] === true) {
      const waitMs = wholeNumber(options["timeout"], "--timeout", 1, 86_400) * 1000;
      const { EndpointName: endpoint, ContentType, Accept: accept } = request;
      const asked = { endpoint, body: Body, contentType: ContentType, accept, waitMs };
      const ports = { ...connection, aws, terminal, clock: systemClock, random: systemRandom, signal };
      const { body, ...facts } = await invokeAsync(asked, ports);
      terminal.event("result", { ...facts, body: body.toString() });
      if (terminal.json) return;
      terminal.bytes(body);
      if (body.at(-1) !== 10) terminal.bytes("\n");
      return;
    }
    if (options["stream"] === true) {
      const answer = await client.send(new sdk.InvokeEndpointWithResponseStreamCommand(request), abort);
      let last: number | undefined;
      for await (const event of answer.Body ?? []) {
        const chunk = payload(event);
        last = chunk.at(-1) ?? last;
        if (terminal.json) terminal.event("chunk", { body: Buffer.from(chunk).toString() });
        else terminal.bytes(chunk);
      }
      if (last !== undefined && last !== 10) terminal.say("");
      return terminal.event("result", {
        contentType: answer.ContentType,
        variant: answer.InvokedProductionVariant,
      });
    }
    const latencies: number[] = [];
    let answer;
    for (let i = 0; i < repeat; i++) {
      const start = systemClock.monotonic();
      answer = await client.send(new sdk.InvokeEndpointCommand(request), abort);
      latencies.push(systemClock.monotonic() - start);
    }
    const body = Buffer.from(answer?.Body ?? []);
    const figures = latencyFigures(latencies);
    terminal.event("result", {
      contentType: answer?.ContentType,
      variant: answer?.InvokedProductionVariant,
      body: body.toString(),
      latencyMs: figures,
    });
    if (terminal.json) return;
    terminal.bytes(body);
    if (body.at(-1) !== 10) terminal.bytes("\n");
    if (repeat > 1)
      terminal.note(
        `${repeat} requests: p50 ${duration(figures.p50)}, p99 ${duration(figures.p99)}, max ${duration(figures.max)}`,
      );
  },
};

function latencyFigures(latencies: readonly number[]) {
  const sorted = latencies.toSorted((a, b) => a - b);
  const [p50, p99] = [percentile(sorted, 0.5), percentile(sorted, 0.99)];
  return { p50, p99, max: sorted.at(-1) ?? Number.NaN };
}

/** A model that fails in the middle says so in the stream; the SDK hands that over as an event or throws it. */
function payload(event: ResponseStream): Uint8Array {
  const failure = event.ModelStreamError ?? event.InternalStreamFailure;
  if (failure) throw new CliError("failure", `${failure.name}: ${failure.message}`);
  return event.PayloadPart?.Bytes ?? new Uint8Array();
}

async function input(given: string): Promise<Uint8Array> {
  if (given === "-") return buffer(process.stdin);
  if (!given.startsWith("@")) return Buffer.from(given);
  const file = given.slice(1);
  return readFile(file).catch(() => {
    throw new CliError("notFound", `There is no file ${file} to read.`);
  });
}

const BY_NAME: Readonly<Record<string, string>> = {
  csv: "text/csv",
  json: "application/json",
  jsonl: "application/jsonlines",
  npy: "application/x-npy",
  libsvm: "text/libsvm",
};

/** By the file's name, else by how it begins. */
export function contentType(given: string, body: Uint8Array): string {
  const byName = given.startsWith("@") ? BY_NAME[given.split(".").pop() ?? ""] : undefined;
  if (byName) return byName;
  const start = Buffer.from(body.subarray(0, 64)).toString("latin1").trimStart();
  if (/^[[{"]/.test(start)) return "application/json";
  if (start.startsWith("\u0093NUMPY")) return "application/x-npy";
  return /^[-+.\dnN]/.test(start) ? "text/csv" : "application/octet-stream";
}
