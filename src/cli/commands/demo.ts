import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { systemClock } from "../../base/clock.ts";
import { AwsClients } from "../aws-clients.ts";
import type { Command } from "../command.ts";
import { deployEndpoint } from "../deployment.ts";
import { CliError } from "../exit-codes.ts";
import { modelFiles, pack } from "../model-package.ts";
import { PROGRAM } from "../program-name.ts";
import { duration, percentile } from "../quantities.ts";
import { ServerProcess } from "../server-process.ts";
import { table } from "../table.ts";

const MODEL = fileURLToPath(new URL("../../../examples/models/breast-cancer", import.meta.url));
const ENDPOINT = "breast-cancer";
const ROUNDS = 200;

/** What scikit-learn itself said of the rows. */
interface Expected {
  readonly classes: readonly string[];
  readonly probabilities: readonly (readonly number[])[];
  readonly labels: readonly number[];
}

export const demo: Command = {
  name: "demo",
  summary: "see it work: deploy a trained model on a server of its own, and ask it",
  local: true,
  options: [{ flags: "--keep", summary: "leave it running until Ctrl-C" }],
  async run({ options, terminal, env, signal }) {
    const folder = await mkdtemp(join(tmpdir(), "tideway-demo-"));
    try {
      terminal.say(
        "A breast-cancer classifier, trained with scikit-learn and exported to ONNX, deployed with the AWS SDK.\n",
      );
      const start = systemClock.monotonic();
      const dataDir = join(folder, "data");
      await using server = await ServerProcess.start(dataDir, env);
      const { connection } = server;
      const readyMs = systemClock.monotonic() - start;
      terminal.event("server", { url: connection.url, readyMs: Math.round(readyMs) });
      terminal.say(`Server ${terminal.style("bold", connection.url)} ready in ${duration(readyMs)}`);
      signal.throwIfAborted();

      const aws = new AwsClients(connection);
      const model = await pack(await modelFiles(join(MODEL, "model.onnx")), join(folder, "model.tar.gz"));
      const deployStart = systemClock.monotonic();
      await deployEndpoint(
        {
          endpoint: ENDPOINT,
          image: "tideway/auto",
          instanceType: "ml.m5.large",
          instances: 1,
          environment: {},
          model,
          waitMs: 60_000,
        },
        { ...connection, aws, terminal, clock: systemClock, signal },
      );
      const deployMs = systemClock.monotonic() - deployStart;

      const { sdk, client } = await aws.runtime();
      const rows = await readFile(join(MODEL, "rows.csv"), "utf8");
      const ask = async (Body: string) => {
        const request = { EndpointName: ENDPOINT, ContentType: "text/csv", Accept: "text/csv", Body };
        const answer = await client.send(new sdk.InvokeEndpointCommand(request), { abortSignal: signal });
        return Buffer.from(answer.Body).toString();
      };
      const expected = JSON.parse(await readFile(join(MODEL, "expected.json"), "utf8")) as Expected;
      const predictions = parseRows(await ask(rows));
      const difference = largestDifference(predictions, expected.probabilities);
      const one = rows.split("\n")[0] ?? "";
      const latencies: number[] = [];
      for (let i = 0; i < ROUNDS; i++) {
        const sent = systemClock.monotonic();
        await ask(one);
        latencies.push(systemClock.monotonic() - sent);
      }
      latencies.sort((a, b) => a - b);
      const [p50, p99] = [percentile(latencies, 0.5), percentile(latencies, 0.99)];

      terminal.say("\nPredictions for tissue samples it has not seen:");
      const words = [...expected.classes.map((name) => name.toUpperCase()), "PREDICTED", "TRUTH"];
      const lines = predictions.map((row, index) => [
        ...row.map((value) => value.toFixed(4)),
        expected.classes[row.indexOf(Math.max(...row))] ?? "",
        expected.classes[expected.labels[index] ?? 0] ?? "",
      ]);
      for (const line of table(words, lines)) terminal.say(`  ${line}`);
      if (!(difference <= 1e-5))
        throw new CliError("failure", `The answers differ from scikit-learn's by up to ${difference}.`);
      terminal.result(
        {
          url: connection.url,
          deployMs,
          predictions,
          largestDifference: difference,
          latencyMs: { p50, p99 },
        },
        () => [
          "",
          `${terminal.style("green", "Correct:")} all ${predictions.length} answers are scikit-learn's own (largest difference ${difference.toExponential(1)}).`,
          `From upload to in service ${duration(deployMs)}; a signed InvokeEndpoint takes ${duration(p50)} (p50), ${duration(p99)} (p99).`,
          "",
        ],
      );
      if (options["keep"] !== true) {
        terminal.say(
          `Go on:  ${PROGRAM} demo --keep   leaves it running;   ${PROGRAM} serve   runs a server of your own.`,
        );
        return;
      }
      terminal.say(`It goes on at ${connection.url}. In another terminal:`);
      terminal.say(`  eval "$(${PROGRAM} env --data ${dataDir})"`);
      terminal.say(`  ${PROGRAM} invoke ${ENDPOINT} -t text/csv -d '${one}'`);
      terminal.say("Ctrl-C ends it and removes its folder.");
      await Promise.race([
        server.ended(),
        new Promise((stop) => signal.addEventListener("abort", stop, { once: true })),
      ]);
      if (!signal.aborted) throw new CliError("failure", "The server ended.");
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
};

/** `0.1,0.9` per line. */
function parseRows(csv: string): number[][] {
  return csv
    .trim()
    .split("\n")
    .map((line) => line.split(",").map(Number));
}

/** Not a number, and so no match, where the shapes differ. */
function largestDifference(
  got: readonly (readonly number[])[],
  wanted: readonly (readonly number[])[],
): number {
  if (got.length !== wanted.length) return Number.NaN;
  return Math.max(
    ...wanted.flatMap((row, y) => row.map((value, x) => Math.abs(value - (got[y]?.[x] ?? Number.NaN)))),
  );
}
