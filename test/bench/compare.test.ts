import { expect, test } from "vitest";
import { compare, compared, type Target } from "../../bench/compare.ts";
import type { LoadGenerator } from "../../bench/load/load-generator.ts";
import type { Measured, Measurement } from "../../bench/load/measure.ts";

function measured(perSecond: number): Measured {
  const p50 = 1000 / perSecond;
  return {
    requests: 1,
    errors: 0,
    perSecond,
    p50,
    p99: 2 * p50,
    cpuMicrosecondsPerRequest: 5,
    generatorMicrosecondsPerRequest: 1,
  };
}

/** Answers with rates in turn, and notes who was asked. */
function fakeLoad(asked: string[], rates: readonly number[] = [100]): LoadGenerator {
  const measure = async ({ url, connections, pids }: Measurement) => {
    asked.push(`${url} ${connections} ${pids.join()}`);
    return measured(rates[(asked.length - 1) % rates.length]!);
  };
  return { measure } as unknown as LoadGenerator;
}

const target = (url: string, pid: number): Target => ({
  url,
  path: "/",
  headers: {},
  bodies: ["1"],
  pids: () => [pid],
});
const comparison = {
  label: "x",
  tideway: target("ours", 1),
  baseline: target("theirs", 2),
  connections: [1, 64],
  rounds: 2,
  milliseconds: 10,
};

test("both are warmed up with the most connections, then asked by turns, each first every other round", async () => {
  const asked: string[] = [];
  await compare({ load: fakeLoad(asked), quick: false, note: () => {} }, comparison);
  expect(asked).toEqual([
    "theirs 64 2",
    "ours 64 1",
    "theirs 1 2",
    "ours 1 1",
    "theirs 64 2",
    "ours 64 1",
    "ours 1 1",
    "theirs 1 2",
    "ours 64 1",
    "theirs 64 2",
  ]);
});

test("a target may have a generator of its own", async () => {
  const [everybodys, own] = [[] as string[], [] as string[]];
  const baseline = { ...comparison.baseline, load: fakeLoad(own) };
  await compare({ load: fakeLoad(everybodys), quick: true, note: () => {} }, { ...comparison, baseline });
  expect(new Set(everybodys.map((line) => line.split(" ")[0]))).toEqual(new Set(["ours"]));
  expect(own).toHaveLength(everybodys.length);
});

test("the lines are medians of the rounds, in the order of their figures, with their goals", () => {
  const pair = {
    tideway: [measured(10), measured(40), measured(20)],
    baseline: [measured(40), measured(20), measured(80)],
  };
  const rows = compared("name", "bare", pair, { rate: { of: "ratio", atLeast: 0.5 }, CPU: undefined });
  expect(rows).toMatchObject([
    { name: "name: rate", unit: "req/s", tideway: 20, baseline: 40, against: "bare", spread: [0.25, 0.25] },
    { name: "name: CPU", unit: "µs", tideway: 5, baseline: 5 },
  ]);
  expect(rows[0]!.goal).toEqual({ of: "ratio", atLeast: 0.5 });
  expect(rows[1]!.goal).toBeUndefined();
});
