/** `tideway invoke --async`: asks, waits, and fetches the result or the reason. */
import { type Clock, sleep } from "../base/clock.ts";
import type { Random } from "../base/random.ts";
import type { AwsClients } from "./aws-clients.ts";
import { CliError } from "./exit-codes.ts";
import { ownBucket } from "./own-bucket.ts";
import { duration } from "./quantities.ts";
import type { Terminal } from "./terminal.ts";

export interface AsyncInvocation {
  readonly endpoint: string;
  readonly body: Uint8Array;
  readonly contentType: string;
  readonly accept: string | undefined;
  readonly waitMs: number;
}

export interface AsyncInvocationPorts {
  readonly aws: AwsClients;
  readonly accountId: string;
  readonly region: string;
  readonly terminal: Terminal;
  readonly clock: Clock;
  readonly random: Random;
  readonly signal: AbortSignal;
}

/** What InvokeEndpointAsync takes in the request itself. */
const INLINE_BYTES = 128_000;
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 1_000;

/** The result; throws the reason where there is none. */
export async function invokeAsync(
  invocation: AsyncInvocation,
  ports: AsyncInvocationPorts,
): Promise<{ readonly body: Buffer; readonly contentType: string | undefined; readonly location: string }> {
  const { aws, terminal, clock, signal } = ports;
  const { sdk, client } = await aws.runtime();
  const start = clock.monotonic();
  const input =
    invocation.body.byteLength > 0 && invocation.body.byteLength <= INLINE_BYTES
      ? { Body: invocation.body }
      : { InputLocation: await upload(invocation, ports) };
  const accepted = await client.send(
    new sdk.InvokeEndpointAsyncCommand({
      EndpointName: invocation.endpoint,
      ContentType: invocation.contentType,
      Accept: invocation.accept,
      ...input,
    }),
    { abortSignal: signal },
  );
  const { InferenceId: inferenceId, OutputLocation = "", FailureLocation } = accepted;
  terminal.event("accepted", {
    inferenceId,
    outputLocation: OutputLocation,
    failureLocation: FailureLocation,
  });
  terminal.note(`Accepted: the result will be at ${OutputLocation}`);
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(LONGEST_PAUSE_MS, pause * 1.5)) {
    const found = await fetched(OutputLocation, ports);
    if (found) return { ...found, location: OutputLocation };
    const failure = FailureLocation === undefined ? undefined : await fetched(FailureLocation, ports);
    if (failure)
      throw new CliError(
        "failure",
        `The request failed: ${failure.body.toString().trim()}`,
        `This is what ${FailureLocation} says.`,
      );
    const spent = clock.monotonic() - start;
    if (spent > invocation.waitMs)
      throw new CliError(
        "timedOut",
        `There is no result after ${duration(spent)}.`,
        `The request goes on; its result will be at ${OutputLocation}.`,
      );
    terminal.live(`Waiting for the result: ${duration(spent)}`);
    await sleep(clock, pause, signal);
  }
}

async function fetched(location: string, { aws, signal }: AsyncInvocationPorts) {
  const { sdk, client } = await aws.s3();
  const [, Bucket, Key] = /^s3:\/\/([^/]+)\/(.*)$/s.exec(location) ?? [];
  try {
    const { Body, ContentType } = await client.send(new sdk.GetObjectCommand({ Bucket, Key }), {
      abortSignal: signal,
    });
    return { body: Buffer.from(await Body!.transformToByteArray()), contentType: ContentType };
  } catch (error) {
    if (error instanceof Error && /^NoSuch(Key|Bucket)$/.test(error.name)) return undefined;
    throw error;
  }
}

async function upload({ endpoint, body }: AsyncInvocation, ports: AsyncInvocationPorts): Promise<string> {
  const bucket = await ownBucket(ports);
  const { sdk, client } = await ports.aws.s3();
  const Key = `${endpoint}/async/in/${ports.random.uuid()}`;
  await client.send(new sdk.PutObjectCommand({ Bucket: bucket, Key, Body: body }), {
    abortSignal: ports.signal,
  });
  return `s3://${bucket}/${Key}`;
}
