import type { LoadGenerator } from "./load/load-generator.ts";
import type { Measured, Measurement } from "./load/measure.ts";
import type { Bench, Goal, Row } from "./row.ts";
import { median, spread } from "./statistics.ts";

/** Who is asked, and what. */
export interface Target extends Pick<Measurement, "url" | "path" | "headers" | "bodies" | "signer"> {
  /** Whose CPU time counts: found anew for every measurement, for instances come and go. */
  readonly pids: () => readonly number[];
  /** Who asks, where everybody's generator does not reach it. */
  readonly load?: LoadGenerator;
}

/** What was measured of Tideway and of its baseline, a round each. */
export interface Pair {
  readonly tideway: Measured[];
  readonly baseline: Measured[];
}

export interface Comparison {
  /** For the progress that is told meanwhile. */
  readonly label: string;
  readonly tideway: Target;
  readonly baseline: Target;
  readonly connections: readonly number[];
  readonly rounds: number;
  readonly milliseconds: number;
}

/** Asks both by turns, each first in every other round: one list of measurements per number of connections. */
export async function compare(
  { load, quick, note }: Pick<Bench, "load" | "quick" | "note">,
  comparison: Comparison,
): Promise<Map<number, Pair>> {
  const { label, connections } = comparison;
  const [rounds, milliseconds] = quick ? [2, 700] : [comparison.rounds, comparison.milliseconds];
  const ask = (who: keyof Pair, connections: number, milliseconds: number) => {
    const { pids, load: own = load, ...target } = comparison[who];
    return own.measure({ ...target, pids: pids(), connections, milliseconds });
  };
  for (const who of ["baseline", "tideway"] as const)
    await ask(who, Math.max(...connections), quick ? 700 : 2500);
  const results = new Map<number, Pair>(connections.map((c) => [c, { tideway: [], baseline: [] }]));
  for (let round = 0; round < rounds; round++) {
    const order = round % 2 === 0 ? (["baseline", "tideway"] as const) : (["tideway", "baseline"] as const);
    for (const [c, pair] of results) for (const who of order) pair[who].push(await ask(who, c, milliseconds));
    note(`${label}: round ${round + 1} of ${rounds}`);
  }
  return results;
}

/** The figures of a measurement that a table shows. */
export const FIGURES = {
  rate: { unit: "req/s", of: (one: Measured) => one.perSecond },
  p50: { unit: "ms", of: (one: Measured) => one.p50 },
  p99: { unit: "ms", of: (one: Measured) => one.p99 },
  CPU: { unit: "µs", of: (one: Measured) => one.cpuMicrosecondsPerRequest },
} as const;

/** A line of the table for each figure, in the order given; the medians of the rounds. */
export function compared(
  name: string,
  against: string,
  { tideway, baseline }: Pair,
  goals: { readonly [Figure in keyof typeof FIGURES]?: Goal | undefined },
): Row[] {
  return Object.entries(goals).map(([what, goal]) => {
    const { unit, of } = FIGURES[what as keyof typeof FIGURES];
    const [ours, theirs] = [tideway.map(of), baseline.map(of)];
    return {
      name: `${name}: ${what}`,
      unit,
      tideway: median(ours),
      baseline: median(theirs),
      against,
      spread: [spread(ours), spread(theirs)],
      ...(goal && { goal }),
    };
  });
}
