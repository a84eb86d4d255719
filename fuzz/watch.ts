/** A target's run in its thread, watched from outside: who hangs or eats memory is ended, and the input known. */
import { Worker } from "node:worker_threads";
import type { Bounds, Failure, Progress, Result } from "./fuzzer.ts";
import type { Job, Report } from "./worker.ts";

const HANG_MS = 15_000;
const MEMORY_MIB = 1024;
const MOST_BYTES = 1 << 20;

export interface Watched {
  readonly target: string;
  readonly sources: readonly string[];
  readonly corpus: readonly Uint8Array[];
  readonly bounds: Bounds;
  readonly seed: number;
  readonly onProgress: (progress: Progress) => void;
}

/** Undefined when the run had to be ended; its failures say why. */
export async function watch(run: Watched): Promise<{ result: Result | undefined; failures: Failure[] }> {
  const current = new SharedArrayBuffer(8 + MOST_BYTES);
  const numbers = new Int32Array(current, 0, 2);
  const failures: Failure[] = [];
  let result: Result | undefined;
  const job: Job = {
    module: new URL(`targets/${run.target}.ts`, import.meta.url).href,
    sources: run.sources,
    corpus: run.corpus,
    bounds: run.bounds,
    seed: run.seed,
    current,
  };
  const worker = new Worker(new URL("worker.ts", import.meta.url), {
    workerData: job,
    // of Node's own way to take the types off
    execArgv: ["--disable-warning=ExperimentalWarning"],
    resourceLimits: { maxOldGenerationSizeMb: MEMORY_MIB },
  });
  const input = () => Buffer.from(new Uint8Array(current, 8, numbers[1]));
  let runs = 0;
  let since = performance.now();
  const timer = setInterval(() => {
    const now = Atomics.load(numbers, 0);
    if (now !== runs || now === 0) [runs, since] = [now, performance.now()];
    else if (performance.now() - since > HANG_MS && !result) {
      failures.push({ input: input(), error: `hang: more than ${HANG_MS} ms` });
      void worker.terminate();
    }
  }, 250);
  await new Promise<void>((resolve) => {
    worker.on("message", (report: Report) => {
      if (report.kind === "failure") failures.push(report.failure);
      else if (report.kind === "progress") run.onProgress(report.progress);
      else result = report.result;
    });
    worker.on("error", (error) =>
      failures.push({ input: input(), error: `${error.name}: ${error.message}\n${error.stack}` }),
    );
    worker.on("exit", () => resolve());
  });
  clearInterval(timer);
  if (!result && failures.length === 0)
    failures.push({ input: input(), error: "the target never answered: its promise is lost" });
  return { result, failures };
}
