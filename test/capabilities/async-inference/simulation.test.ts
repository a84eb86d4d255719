import { expect, test } from "vitest";
import { simulate } from "./simulation.ts";

const SEEDS = Number(process.env["TIDEWAY_SIMULATION_SEEDS"] ?? 500);

test(
  `${SEEDS} seeds: nothing is lost, no result is replaced, everybody is told`,
  { timeout: 120_000 },
  async () => {
    const sum = { crashes: 0, executions: 0, results: 0, failures: 0 };
    for (let seed = 1; seed <= SEEDS; seed++) {
      const { problems, ...counts } = await simulate(seed);
      expect({ seed, problems }).toEqual({ seed, problems: [] });
      for (const name of Object.keys(sum) as (keyof typeof sum)[]) sum[name] += counts[name];
    }
    console.log(`asynchronous requests, ${SEEDS} seeds: ${JSON.stringify(sum)}`);
    expect(sum.executions).toBeGreaterThan(sum.results);
    expect(Math.min(sum.crashes, sum.failures)).toBeGreaterThan(0);
  },
);
