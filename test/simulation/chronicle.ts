import { createHash } from "node:crypto";

/** What happens in a run: its history (kept as a digest), what was reached, and what should not have happened. */
export class Chronicle {
  readonly violations: string[] = [];
  /** How often each fault struck. */
  readonly faults = new Map<string, number>();
  /** How often each invariant was held against something. */
  readonly checks = new Map<string, number>();
  readonly #hash = createHash("sha256");
  readonly #now: () => number;
  readonly #print: ((line: string) => void) | undefined;

  constructor(now: () => number, print?: (line: string) => void) {
    this.#now = now;
    this.#print = print;
  }

  /** A step of the history. */
  note(line: string): void {
    const dated = `${this.#now().toFixed(3).padStart(14)} ${line}`;
    this.#hash.update(dated);
    this.#print?.(dated);
  }

  fault(kind: string, what = ""): void {
    this.faults.set(kind, (this.faults.get(kind) ?? 0) + 1);
    this.note(`fault: ${kind} ${what}`);
  }

  /** Holds an invariant against what is; the detail is told when it is broken. */
  must(invariant: string, holds: boolean, detail: () => string): void {
    this.checks.set(invariant, (this.checks.get(invariant) ?? 0) + 1);
    if (holds) return;
    this.note(`BROKEN ${invariant}: ${detail()}`);
    this.violations.push(`${invariant}: ${detail()}`);
  }

  /** Its two commonest methods, to be called by name alone. */
  readonly bound = {
    note: (line: string) => this.note(line),
    must: (invariant: string, holds: boolean, detail: () => string) => this.must(invariant, holds, detail),
  };

  digest(): string {
    return this.#hash.copy().digest("hex").slice(0, 16);
  }
}
