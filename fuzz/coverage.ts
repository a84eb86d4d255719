/** Which branches have been taken, and about how often: what makes an input worth keeping. */
import { readFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { fileURLToPath } from "node:url";
import { instrument, setCounters } from "./instrument.ts";

const MOST_COUNTERS = 1 << 16;

/** The counters of the modules that are imported after it was made. */
export class Coverage implements Disposable {
  /** Strings of the instrumented sources. */
  readonly literals = new Set<string>();
  readonly #counters = new Uint8Array(MOST_COUNTERS);
  readonly #words = new Uint32Array(this.#counters.buffer);
  /** Per counter a bit for each order of magnitude that it has had. */
  readonly #seen = new Uint8Array(MOST_COUNTERS);
  readonly #hooks: { deregister(): void };
  #used = 0;
  #features = 0;
  #branches = 0;

  /** `sources`: what of `src/` is counted, as paths without `.ts`; a folder ends in a slash. */
  constructor(sources: readonly string[]) {
    setCounters(this.#counters);
    const root = fileURLToPath(new URL("../src/", import.meta.url));
    const isCounted = (file: string) =>
      sources.some((one) => (one.endsWith("/") ? file.startsWith(root + one) : file === `${root}${one}.ts`));
    this.#hooks = registerHooks({
      load: (url, context, next) => {
        const file = url.startsWith("file:") ? fileURLToPath(url) : "";
        if (!isCounted(file)) return next(url, context);
        const { source, literals } = instrument(readFileSync(file, "utf8"), () => this.#used++);
        for (const one of literals) this.literals.add(one);
        return { format: "module", source, shortCircuit: true };
      },
    });
  }

  /** Branches taken so far, of all. */
  get branches(): { readonly taken: number; readonly all: number } {
    return { taken: this.#branches, all: this.#used };
  }

  /** Branches and their orders of magnitude. */
  get features(): number {
    return this.#features;
  }

  /** Forgets the run before. */
  clear(): void {
    this.#counters.fill(0, 0, this.#used);
  }

  /** How many features the last run was the first to have. */
  news(): number {
    let found = 0;
    const words = (this.#used + 3) >> 2;
    for (let word = 0; word < words; word++) {
      if (this.#words[word] === 0) continue;
      for (let at = word << 2; at < (word + 1) << 2; at++) {
        const magnitude = MAGNITUDES[this.#counters[at]!]!;
        const seen = this.#seen[at]!;
        if (magnitude === 0 || seen & magnitude) continue;
        if (seen === 0) this.#branches++;
        this.#seen[at] = seen | magnitude;
        found++;
      }
    }
    this.#features += found;
    return found;
  }

  /** The branches of the last run, for choosing a small corpus. */
  current(): number[] {
    const branches: number[] = [];
    for (let at = 0; at < this.#used; at++) if (this.#counters[at]) branches.push(at);
    return branches;
  }

  [Symbol.dispose](): void {
    this.#hooks.deregister();
  }
}

/** A count's order of magnitude as a bit: 1, 2, 3, 4-7, 8-15, 16-31, 32-127, 128-255. */
const MAGNITUDES = Uint8Array.from({ length: 256 }, (_, count) => {
  if (count === 0) return 0;
  if (count < 4) return 1 << (count - 1);
  return count < 8 ? 8 : count < 16 ? 16 : count < 32 ? 32 : count < 128 ? 64 : 128;
});
