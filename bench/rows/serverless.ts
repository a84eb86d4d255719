import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { compare, compared } from "../compare.ts";
import type { Bench, Row } from "../row.ts";
import { median, spread } from "../statistics.ts";
import { distinctRows, ENDPOINT, IDLE_SECONDS } from "../subject.ts";

const CHILD = fileURLToPath(new URL("../fork-child.mjs", import.meta.url));
const NAME = "serverless";
/** A gateway tells within 2 s that it needs a worker no more, which is stopped the idle time after that; the rest is to be sure. */
const STOPPED_MS = 1000 * IDLE_SECONDS + 4000;

/** A request to a serverless endpoint without a worker, against a bare fork; and with one, against a real-time endpoint. */
export async function serverlessRows(bench: Bench): Promise<Row[]> {
  const { subject, quick, note } = bench;
  const rows = await distinctRows(1000);
  await using _ = await subject.endpoint(NAME, {
    modelUrl: subject.modelUrl,
    serverless: { MemorySizeInMB: 2048, MaxConcurrency: 5 },
  });
  const { sdk, client } = await subject.aws.runtime();
  const ask = () =>
    client.send(
      new sdk.InvokeEndpointCommand({ EndpointName: NAME, ContentType: "text/csv", Body: rows[0]! }),
    );

  const rounds = quick ? 5 : 20;
  const cold: number[] = [];
  const bare: number[] = [];
  for (let round = 0; round < rounds; round++) {
    await new Promise((resolve) => setTimeout(resolve, STOPPED_MS));
    bare.push(await timed(() => once(fork(CHILD), "message")));
    cold.push(await timed(ask));
  }
  note(`serverless: ${rounds} cold starts`);
  const slowest = (times: readonly number[]) =>
    times.toSorted((a, b) => a - b)[Math.ceil(0.99 * rounds) - 1]!;
  const against = "bare fork of node to its first message";
  const start = { unit: "ms", against, spread: [spread(cold), spread(bare)] } as const;

  const target = (endpoint: string) => subject.target(endpoint, "text/csv", rows);
  const warm = await compare(bench, {
    label: "serverless, warm",
    tideway: target(NAME),
    baseline: target(ENDPOINT),
    connections: [1],
    rounds: 5,
    milliseconds: 2000,
  });
  return [
    {
      ...start,
      name: "Serverless, from zero: p50",
      tideway: median(cold),
      baseline: median(bare),
      goal: { of: "ratio", atMost: 3 },
    },
    {
      ...start,
      name: "Serverless, from zero: p99",
      tideway: slowest(cold),
      baseline: slowest(bare),
      goal: { of: "value", atMost: 300 },
    },
    ...compared("Serverless, warm, c=1", "real-time endpoint, same model", warm.get(1)!, {
      p50: { of: "ratio", atMost: 1.1 },
      p99: undefined,
    }),
  ];
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}
