import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { compare, compared } from "../compare.ts";
import type { Bench, Row } from "../row.ts";
import { median, spread } from "../statistics.ts";
import { distinctRows, ENDPOINT, IDLE_SECONDS, Subject } from "../subject.ts";

const CHILD = fileURLToPath(new URL("../fork-child.mjs", import.meta.url));
const NAME = "serverless";
/**
 * A gateway tells within 2 s that it needs a worker no more, which is stopped the idle time after that; the rest is to
 * be sure. A warm worker that was taken is replaced meanwhile.
 */
const STOPPED_MS = 1000 * IDLE_SECONDS + 4000;
const AGAINST = "bare fork of node to its first message";

/** What one start from zero took, in milliseconds, by who measured it: the client, and the server's log. */
interface ColdStart {
  readonly whole: number;
  readonly preparedMs: number;
  readonly startedMs: number;
  readonly warmWorker: boolean;
}

/** A request to a serverless endpoint without a worker, against a bare fork; and with one, against a real-time endpoint. */
export async function serverlessRows(bench: Bench): Promise<Row[]> {
  const { subject, quick, note } = bench;
  const rows = await distinctRows(1000);
  const rounds = quick ? 5 : 20;
  await using _ = await deployed(subject);
  const bare: number[] = [];
  const alone: ColdStart[] = [];
  const pooled: ColdStart[] = [];
  {
    await using other = await Subject.start({ TIDEWAY_WARM_WORKERS: "0" });
    await using _ = await deployed(other);
    const [cold, warm] = [await asker(other, rows[0]!), await asker(subject, rows[0]!)];
    for (let round = 0; round < rounds; round++) {
      await new Promise((resolve) => setTimeout(resolve, STOPPED_MS));
      const turns = [
        async () => bare.push(await timed(() => once(fork(CHILD), "message"))),
        async () => alone.push(await cold()),
        async () => pooled.push(await warm()),
      ];
      // each begins as often as the others: the first finds the caches of an idle machine
      for (let turn = 0; turn < turns.length; turn++) await turns[(round + turn) % turns.length]!();
    }
  }
  const missed = [...alone, ...pooled.map((one) => ({ warmWorker: !one.warmWorker }))];
  const wrong = missed.filter(({ warmWorker }) => warmWorker).length;
  note(`serverless: ${rounds} cold starts each; ${wrong} of them not with the worker that was meant`);

  const target = (endpoint: string) => subject.target(endpoint, "text/csv", rows);
  const called = await compare(bench, {
    label: "serverless, warm",
    tideway: target(NAME),
    baseline: target(ENDPOINT),
    connections: [1],
    rounds: 5,
    milliseconds: 2000,
  });
  return [
    ...startRows("no pool", alone, bare, 3),
    ...startRows("warm worker", pooled, bare, 0.5),
    ...compared("Serverless, warm, c=1", "real-time endpoint, same model", called.get(1)!, {
      p50: { of: "ratio", atMost: 1.1 },
      p99: undefined,
    }),
  ];
}

/** Two rows of the whole, and of its phases the medians. */
function startRows(how: string, starts: readonly ColdStart[], bare: readonly number[], goal: number): Row[] {
  const name = `Serverless, from zero, ${how}`;
  const whole = starts.map((one) => one.whole);
  const start = { unit: "ms", against: AGAINST, spread: [spread(whole), spread(bare)] } as const;
  const phase = (title: string, of: (one: ColdStart) => number): Row => ({
    name: `${name}: ${title}`,
    unit: "ms",
    tideway: median(starts.map(of)),
  });
  return [
    {
      ...start,
      name: `${name}: p50`,
      tideway: median(whole),
      baseline: median(bare),
      goal: { of: "ratio", atMost: goal },
    },
    {
      ...start,
      name: `${name}: p99`,
      tideway: slowest(whole),
      baseline: slowest(bare),
      goal: { of: "value", atMost: 300 },
    },
    phase("of it, to prepare the model's files", (one) => one.preparedMs),
    phase("of it, until the model serves", (one) => one.startedMs),
    phase("of it, the request's way", (one) => one.whole - one.preparedMs - one.startedMs),
  ];
}

const deployed = (subject: Subject) =>
  subject.endpoint(NAME, {
    modelUrl: subject.modelUrl,
    serverless: { MemorySizeInMB: 2048, MaxConcurrency: 5 },
  });

/** Asks the endpoint once; the server's log says what the start was spent on. */
async function asker(subject: Subject, row: string): Promise<() => Promise<ColdStart>> {
  const { sdk, client } = await subject.aws.runtime();
  const input = { EndpointName: NAME, ContentType: "text/csv", Body: row };
  return async () => {
    const before = lastStart(subject)?.line;
    const whole = await timed(() => client.send(new sdk.InvokeEndpointCommand(input)));
    for (;;) {
      const start = lastStart(subject);
      if (start && start.line !== before) return { ...start, whole };
      // its log comes by another way than its answer
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };
}

function lastStart({ server }: Subject): (Omit<ColdStart, "whole"> & { readonly line: string }) | undefined {
  const line = server.lastLines.findLast((one) => one.includes("An instance is ready."));
  return line === undefined ? undefined : { ...(JSON.parse(line) as ColdStart), line };
}

const slowest = (times: readonly number[]) =>
  times.toSorted((a, b) => a - b)[Math.ceil(0.99 * times.length) - 1]!;

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}
