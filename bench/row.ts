import type { LoadGenerator } from "./load/load-generator.ts";
import type { Subject } from "./subject.ts";

/** One line of the table: what was measured, of Tideway and of what it is held against, in the same run. */
export interface Row {
  readonly name: string;
  readonly unit: "req/s" | "rows/s" | "ms" | "µs" | "MB" | "MB/s";
  readonly tideway: number;
  readonly baseline?: number;
  /** What the baseline is. */
  readonly against?: string;
  /** Smallest over largest of the rounds, Tideway's first. */
  readonly spread?: readonly [tideway: number, baseline?: number];
  readonly goal?: Goal;
}

/** What the project aims at: of the ratio to the baseline, of the difference, or of the figure itself. */
export interface Goal {
  readonly of: "ratio" | "difference" | "value";
  readonly atLeast?: number;
  readonly atMost?: number;
}

/** What was measured of another server, or of Tideway beside them, by so many connections; or why nothing was. */
export type PeerLine =
  | { readonly server: string; readonly skipped: string }
  | {
      readonly server: string;
      readonly connections: number;
      readonly perSecond: number;
      readonly p50: number;
      readonly p99: number;
      readonly cpuMicroseconds: number;
      /** Of all its processes together, after it was asked. */
      readonly residentMegabytes: number;
      /** From the start of its process to the first answer of the model. */
      readonly readyMs: number;
      /** Tideway's rate over its own, of the same rounds. */
      readonly ratio?: number;
    };

/** What every measurement is given. */
export interface Bench {
  readonly subject: Subject;
  readonly load: LoadGenerator;
  readonly quick: boolean;
  readonly note: (line: string) => void;
}

/** Whether a row's goal is met; undefined where it has none. */
export function met({ goal, tideway, baseline = Number.NaN }: Row): boolean | undefined {
  if (!goal) return undefined;
  const value = { ratio: tideway / baseline, difference: tideway - baseline, value: tideway }[goal.of];
  return value >= (goal.atLeast ?? -Infinity) && value <= (goal.atMost ?? Infinity);
}
