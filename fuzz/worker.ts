/** One target in a thread of its own, so that main.ts can end it when an input makes it hang or eat memory. */
import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import { SeededRandom } from "../test/support/seeded-random.ts";
import { Coverage } from "./coverage.ts";
import { type Bounds, type Failure, Fuzzer, type Progress, type Result } from "./fuzzer.ts";
import type { FuzzTarget } from "./target.ts";

/** What the thread is told. */
export interface Job {
  readonly module: string;
  readonly sources: readonly string[];
  readonly corpus: readonly Uint8Array[];
  readonly bounds: Bounds;
  readonly seed: number;
  /** Shared: how many inputs have run (4 bytes), the length of the one that runs (4 bytes), its bytes. */
  readonly current: SharedArrayBuffer;
}

/** What the thread tells. */
export type Report =
  | { readonly kind: "failure"; readonly failure: Failure }
  | { readonly kind: "progress"; readonly progress: Progress }
  | { readonly kind: "done"; readonly result: Result };

const { module, sources, corpus, bounds, seed, current } = workerData as Job;
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
const tell = (report: Report) => (parentPort as MessagePort).postMessage(report);

// most errors are refusals, and their traces the greater part of what they cost
Error.stackTraceLimit = 4;
const numbers = new Int32Array(current, 0, 2);
const bytes = new Uint8Array(current, 8);
using coverage = new Coverage(sources);
const target = ((await import(module)) as { target: FuzzTarget }).target;
const fuzzer = new Fuzzer({
  target,
  coverage,
  random: new SeededRandom(seed),
  corpus,
  before: (input) => {
    bytes.set(input);
    Atomics.store(numbers, 1, input.length);
    Atomics.add(numbers, 0, 1);
  },
  onFailure: (failure) => tell({ kind: "failure", failure }),
  onProgress: (progress) => tell({ kind: "progress", progress }),
});
tell({ kind: "done", result: await fuzzer.fuzz(bounds) });
