/** How often a fault is injected: few times in every run of the tests, as often as TIDEWAY_FAULT_RUNS says by hand. */
export function faultRuns(usual: number): number {
  return Number(process.env["TIDEWAY_FAULT_RUNS"] ?? usual);
}

/** Time for so many of them, at `each` ms. */
export const timeFor = (runs: number, each: number): number => 60_000 + runs * each;

/** `min 1, median 2, max 3` of some milliseconds. */
export function spread(milliseconds: readonly number[]): string {
  const sorted = milliseconds.map(Math.round).sort((a, b) => a - b);
  const median = sorted[sorted.length >> 1];
  return `min ${sorted[0]}, median ${median}, max ${sorted.at(-1)} ms`;
}
