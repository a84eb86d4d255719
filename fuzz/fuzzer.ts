/** The loop: change an input, run the target, keep what takes a branch for the first time, make failing inputs small. */
import { setImmediate } from "node:timers/promises";
import { getHeapStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Random } from "../src/base/random.ts";
import type { Coverage } from "./coverage.ts";
import { Mutator } from "./mutator.ts";
import { Finding, type FuzzTarget } from "./target.ts";

/** When to stop, whichever comes first. */
export interface Bounds {
  readonly runs: number;
  readonly seconds: number;
}

/** An input that the target does not withstand, as small as it could be made. */
export interface Failure {
  readonly input: Uint8Array;
  readonly error: string;
}

/** How far a run of the fuzzer has come. */
export interface Progress {
  readonly runs: number;
  readonly seconds: number;
  readonly branches: { readonly taken: number; readonly all: number };
  readonly features: number;
  readonly corpus: number;
  readonly failures: number;
  /** The most CPU that one input took, of those that were measured again. */
  readonly slowestMs: number;
}

/** What a run of the fuzzer found. */
export interface Result extends Progress {
  readonly retainedMiB: number;
  /** The fewest inputs that together take every branch that was taken. */
  readonly kept: readonly Uint8Array[];
}

export interface FuzzerParts {
  readonly target: FuzzTarget;
  readonly coverage: Coverage;
  readonly random: Random;
  readonly corpus: readonly Uint8Array[];
  /** Told of each input before it runs, so that another thread knows which one hangs. */
  readonly before: (input: Uint8Array) => void;
  readonly onFailure: (failure: Failure) => void;
  readonly onProgress: (progress: Progress) => void;
}

const SLOW_MS = 300;
/** What code compiled on the way may take; growth beyond it is kept by the target. */
const MAX_RETAINED_MIB = 32;
/** For one input of a few KiB. */
const MAX_ALLOCATED_MIB = 64;
/** Every so often, one input of this length. */
const PUMP_EVERY = 512;
const PUMPED_BYTES = 65_536;
const MAX_SHRINKS = 2000;
const MAX_FAILURES = 20;

export class Fuzzer {
  readonly #parts: FuzzerParts;
  readonly #mutator: Mutator;
  readonly #maxLength: number;
  readonly #corpus: Uint8Array[] = [];
  readonly #known = new Set<string>();
  #runs = 0;
  #slowestMs = 0;
  #start = 0;

  constructor(parts: FuzzerParts) {
    this.#parts = parts;
    const { target, coverage, random } = parts;
    this.#maxLength = target.maxLength ?? 2048;
    const dictionary = [...coverage.literals, ...(target.dictionary ?? [])];
    this.#mutator = new Mutator(random, [...new Set(dictionary)], this.#maxLength);
  }

  async fuzz({ runs, seconds }: Bounds): Promise<Result> {
    const { target, random, corpus, coverage, onProgress, onFailure } = this.#parts;
    this.#start = performance.now();
    for (const input of [...target.seeds, ...corpus])
      await this.#try(bytesOf(input).subarray(0, this.#maxLength), true);
    const end = this.#start + seconds * 1000;
    const before = await heapMiB();
    let told = this.#start;
    while (this.#runs < runs && this.#known.size < MAX_FAILURES) {
      if (this.#runs % 64 === 0) {
        const now = performance.now();
        if (now >= end) break;
        if (now - told > 2000) onProgress(this.#progress((told = now)));
      }
      const recent = random.number() < 0.25 ? Math.min(16, this.#corpus.length) : this.#corpus.length;
      const input = this.#corpus.at(-1 - Math.floor(random.number() * recent))!;
      const other = this.#corpus[Math.floor(random.number() * this.#corpus.length)]!;
      await this.#try(this.#mutator.mutate(input, other), false);
      if (this.#runs % PUMP_EVERY === 0) await this.#pump(input);
    }
    const progress = this.#progress(performance.now());
    const retainedMiB = (await heapMiB()) - before;
    if (retainedMiB > MAX_RETAINED_MIB)
      onFailure({
        input: Buffer.alloc(0),
        error: `The target keeps ${Math.round(retainedMiB)} MiB after ${this.#runs} inputs.`,
      });
    return { ...progress, retainedMiB, kept: await this.#chosen(), features: coverage.features };
  }

  /**
   * A part of an input, again and again: where a reader looks at the same bytes many times, only long inputs are slow.
   * In the target's own tongue they are rarely anything else, so that they do not come into the corpus.
   */
  async #pump(input: Uint8Array): Promise<void> {
    const at = Math.floor(this.#parts.random.number() * input.length);
    const part = Buffer.from(input.subarray(at, at + 1 + Math.floor(this.#parts.random.number() ** 3 * 64)));
    if (part.length === 0) return;
    const times = Math.ceil(PUMPED_BYTES / part.length);
    const pumped = Buffer.concat([
      input.subarray(0, at),
      ...Array.from({ length: times }, () => part),
      input.subarray(at),
    ]);
    await this.#try(pumped, false);
  }

  async #try(input: Buffer, keep: boolean): Promise<void> {
    const failed = await this.#run(input);
    // some branches are taken once per process; what does not come again would make the corpus grow for nothing
    if (failed === undefined) {
      const fits = input.length <= this.#maxLength;
      if (fits && (this.#parts.coverage.news() > 0 || keep)) this.#corpus.push(Uint8Array.from(input));
      return;
    }
    const key = keyOf(failed);
    if (this.#known.has(key)) return;
    this.#known.add(key);
    // each look at a slow one takes too long for thousands of them
    const small =
      failed instanceof Slow ? Uint8Array.from(input) : await this.#shrink(Buffer.from(input), key);
    this.#parts.onFailure({ input: small, error: told(failed) });
  }

  /** What was thrown, if anything; what takes too long is measured three times in CPU, for other work on the machine is no fault. */
  async #run(input: Buffer): Promise<unknown> {
    const failed = await this.#once(input);
    const wall = performance.now() - this.#begun;
    if (failed !== undefined || wall <= SLOW_MS) return failed;
    let least = Infinity;
    for (let again = 0; again < 3; again++) {
      const cpu = process.threadCpuUsage();
      await this.#once(input);
      const { user, system } = process.threadCpuUsage(cpu);
      least = Math.min(least, (user + system) / 1000);
    }
    this.#slowestMs = Math.max(this.#slowestMs, least);
    return least > SLOW_MS ? new Slow(`${Math.round(least)} ms of CPU`) : undefined;
  }

  #begun = 0;
  #allocated = allocatedMiB();

  async #once(input: Buffer): Promise<unknown> {
    this.#runs++;
    this.#parts.before(input);
    this.#parts.coverage.clear();
    this.#begun = performance.now();
    const before = this.#allocated;
    try {
      const pending = this.#parts.target.run(input);
      if (pending) await pending;
      this.#allocated = allocatedMiB();
      const grown = this.#allocated - before;
      return grown > MAX_ALLOCATED_MIB ? new Error(`allocates ${Math.round(grown)} MiB at once`) : undefined;
    } catch (error) {
      return error ?? new Error("nothing was thrown, but thrown it was");
    }
  }

  /** Leaves out as much, and makes of the rest as many plain characters, as the failure bears. */
  async #shrink(failing: Buffer, key: string): Promise<Buffer> {
    let best = failing;
    const last = this.#runs + MAX_SHRINKS;
    const stays = async (candidate: Buffer) => {
      const failed = await this.#run(candidate);
      if (failed === undefined || keyOf(failed) !== key) return false;
      best = candidate;
      return true;
    };
    for (let size = best.length >> 1; size > 0; size >>= 1)
      for (let at = 0; at < best.length && this.#runs < last;)
        if (!(await stays(Buffer.concat([best.subarray(0, at), best.subarray(at + size)])))) at += size;
    for (let at = 0; at < best.length && this.#runs < last; at++) {
      if (best[at] === 0x30) continue;
      const plain = Buffer.from(best);
      plain[at] = 0x30;
      await stays(plain);
    }
    return best;
  }

  #progress(now: number): Progress {
    const { branches, features } = this.#parts.coverage;
    return {
      runs: this.#runs,
      seconds: (now - this.#start) / 1000,
      branches,
      features,
      corpus: this.#corpus.length,
      failures: this.#known.size,
      slowestMs: this.#slowestMs,
    };
  }

  /** Again and again the input that takes most of the branches which are still missing; of equals, the shortest. */
  async #chosen(): Promise<Uint8Array[]> {
    const inputs: { input: Uint8Array; branches: Set<number> }[] = [];
    for (const input of this.#corpus.sort((a, b) => a.length - b.length))
      if ((await this.#once(Buffer.from(input))) === undefined)
        inputs.push({ input, branches: new Set(this.#parts.coverage.current()) });
    const kept: Uint8Array[] = [];
    for (;;) {
      inputs.sort((a, b) => b.branches.size - a.branches.size);
      const [best] = inputs;
      if (!best || best.branches.size === 0) return kept;
      kept.push(best.input);
      const taken = best.branches;
      for (const one of inputs) one.branches = one.branches.difference(taken);
    }
  }
}

class Slow extends Error {
  override readonly name = "Slow";
}

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

async function heapMiB(): Promise<number> {
  for (let turn = 0; turn < 3; turn++) {
    collectGarbage();
    // buffers are given back a turn later
    await setImmediate();
  }
  const { heapUsed, external } = process.memoryUsage();
  return (heapUsed + external) / 2 ** 20;
}

function allocatedMiB(): number {
  const { used_heap_size, external_memory } = getHeapStatistics();
  return (used_heap_size + external_memory) / 2 ** 20;
}

/** A seed that is a text has a byte per character. */
const bytesOf = (input: string | Uint8Array) =>
  typeof input === "string" ? Buffer.from(input, "latin1") : Buffer.from(input);

/** Failures of the same name and place are one, and of an error that a parser threw, of the same words. */
function keyOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const places = (error.stack ?? "").split("\n").filter((line) => /^\s+at /.test(line));
  const place = places.find((line) => !line.includes("/fuzz/target.ts")) ?? "";
  const words = error instanceof Finding ? "" : error.message.replace(/["'`].*["'`]|\d+/gs, "").slice(0, 60);
  return `${error.name} ${words} ${place.trim()}`;
}

const ROOT = new URL("..", import.meta.url).href;

/** With places as they are called in the repository. */
function told(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const places = (error.stack ?? "").split("\n").filter((line) => /^\s+at /.test(line));
  return [`${error.name}: ${error.message}`, ...places].join("\n").replaceAll(ROOT, "");
}
