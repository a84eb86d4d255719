/** A whole server whose built-in model server is reached over frames: that it is, and what callers see when it dies. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { InvokeEndpointWithResponseStreamCommand } from "@aws-sdk/client-sagemaker-runtime";
import { expect, test } from "vitest";
import { EXAMPLES, modelArchive, TidewayServer } from "../support/tideway-server.ts";

const hasProc = existsSync("/proc/net/unix");

/** The processes of a server's instances by their sockets for frames. */
function instances({ dataDir }: TidewayServer): Map<string, number[]> {
  const found = new Map<string, number[]>();
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name)))
    try {
      const environment = readFileSync(`/proc/${pid}/environ`, "utf8");
      const framesPath = /TIDEWAY_FRAMES_SOCKET=([^\0]+)/.exec(environment)?.[1];
      if (framesPath && environment.includes(dataDir))
        found.set(framesPath, [...(found.get(framesPath) ?? []), Number(pid)]);
    } catch {
      // it has ended, or is another user's
    }
  return found;
}

/** Accepted connections on a unix socket: state 03, and the path that was listened on. */
const connections = (path: string) =>
  readFileSync("/proc/net/unix", "utf8")
    .split("\n")
    .filter((line) => line.endsWith(` ${path}`) && line.split(/ +/)[5] === "03").length;

test.skipIf(!hasProc)(
  "invocations of a built-in model share one connection; killed, it costs what was in flight and no more (needs /proc)",
  async () => {
    await using tideway = await TidewayServer.start();
    const model = await readFile(join(EXAMPLES, "breast-cancer", "model.onnx"));
    const url = await tideway.upload("model.tar.gz", await modelArchive({ "model.onnx": model }));
    // what is the engine's to say is not the user's
    const Environment = { TIDEWAY_FRAMES_SOCKET: "/tmp/elsewhere", TIDEWAY_MAX_BATCH_SIZE: "8" };
    const deployed = await tideway.deploy("framed", {
      Image: "tideway/auto",
      ModelDataUrl: url,
      Environment,
    });
    expect(deployed.FailureReason).toBeUndefined();
    const rows = (await readFile(join(EXAMPLES, "breast-cancer", "rows.csv"), "utf8")).trim().split("\n");
    const alone = (await tideway.invoke("framed", rows.join("\n"))).text.trimEnd().split("\n");
    const together = await Promise.all(rows.map((row) => tideway.invoke("framed", row)));
    const numbers = (lines: readonly string[]) => lines.flatMap((line) => line.trim().split(",").map(Number));
    const [expected, got] = [numbers(alone), numbers(together.map(({ text }) => text))];
    expect(got.length).toBe(expected.length);
    got.forEach((value, at) => expect(value).toBeCloseTo(expected[at]!, 5));

    const many = `${rows.join("\n")}\n`.repeat(Math.floor(6_000_000 / (rows.join("\n").length + 1)));
    const whole = (await tideway.invoke("framed", many)).text;
    expect(whole.length).toBeGreaterThan(100_000);
    const { Body } = await tideway.runtime.send(
      new InvokeEndpointWithResponseStreamCommand({
        EndpointName: "framed",
        ContentType: "text/csv",
        Body: many,
      }),
    );
    let streamed = "";
    for await (const { PayloadPart } of Body!)
      streamed += Buffer.from(PayloadPart!.Bytes!).toString("latin1");
    expect(streamed === whole).toBe(true);

    const [instance, another] = instances(tideway);
    const [framesPath, pids] = instance!;
    expect([connections(framesPath), another]).toEqual([1, undefined]);

    for (const pid of pids) process.kill(pid, "SIGKILL");
    const failures: string[] = [];
    for (let answered = 0; answered < 20;) {
      const answer = await tideway.invoke("framed", rows[0]!).catch((error: Error) => error);
      if (answer instanceof Error) failures.push(answer.name);
      else answered++;
    }
    for (const name of failures)
      expect(name).toMatch(/^(ModelError|ModelNotReadyException|ServiceUnavailable)$/);
    console.log(`1 kill of a framed instance: ${failures.length} failed invocations before 20 answers`);
    expect([...instances(tideway).keys()].map(connections)).toEqual([1]);
  },
);
