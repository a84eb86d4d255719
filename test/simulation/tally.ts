import type { Outcome } from "./simulation.ts";

/** What many runs came to. */
export class Tally {
  runs = 0;
  events = 0;
  virtualMs = 0;
  readonly failures: { readonly seed: number; readonly violation: string }[] = [];
  /** In how many runs each fault struck and each invariant was held against something, and how often in all. */
  readonly faults = new Map<string, { runs: number; times: number }>();
  readonly checks = new Map<string, { runs: number; times: number }>();
  readonly #began = performance.now();

  add({ seed, violations, events, virtualMs, faults, checks }: Outcome): void {
    this.runs++;
    this.events += events;
    this.virtualMs += virtualMs;
    if (violations.length > 0) this.failures.push({ seed, violation: violations[0]! });
    count(this.faults, faults);
    count(this.checks, checks);
  }

  line(): string {
    const seconds = (performance.now() - this.#began) / 1000;
    return `${this.runs} seeds, ${this.failures.length} failed, ${(this.runs / seconds).toFixed(1)} seeds/s, ${Math.round(this.events / seconds)} events/s, ${(this.virtualMs / 3_600_000).toFixed(1)} simulated hours`;
  }

  /** The seeds that failed, each with the command that shows its history. */
  failed(): string {
    return this.failures
      .map(({ seed, violation }) => `${violation}\n  node test/simulation/main.ts --seed ${seed} --trace`)
      .join("\n");
  }

  report(): string {
    const table = (title: string, rows: Tally["faults"]) =>
      [...rows]
        .toSorted(([a], [b]) => a.localeCompare(b))
        .map(
          ([name, { runs, times }]) => `${String(runs).padStart(8)} ${String(times).padStart(10)}  ${name}`,
        )
        .toSpliced(0, 0, `${title}: runs, times`);
    return [
      this.line(),
      ...table("faults", this.faults),
      ...table("invariants", this.checks),
      ...(this.failures.length ? [this.failed()] : []),
    ].join("\n");
  }
}

function count(into: Tally["faults"], from: ReadonlyMap<string, number>): void {
  for (const [name, times] of from) {
    const row = into.get(name) ?? { runs: 0, times: 0 };
    into.set(name, { runs: row.runs + 1, times: row.times + times });
  }
}
