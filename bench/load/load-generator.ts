import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Measured, Measurement } from "./measure.ts";

/** For answers to what was sent last. */
const PATIENCE_MS = 60_000;

/** Handle on the generator's process: one for the whole run, so that it is warm for everybody alike. */
export class LoadGenerator implements AsyncDisposable {
  readonly #child: ChildProcess;

  /** `enter`: the command that enters the network from which it is to ask, where that is not this one. */
  constructor(enter: readonly string[] = []) {
    const [execPath = process.execPath, ...execArgv] = enter.length ? [...enter, process.execPath] : [];
    this.#child = fork(fileURLToPath(new URL("./generator.ts", import.meta.url)), {
      serialization: "advanced",
      execPath,
      execArgv,
    });
  }

  async measure(measurement: Measurement): Promise<Measured> {
    const waited = AbortSignal.timeout(measurement.milliseconds + PATIENCE_MS);
    const answer = once(this.#child, "message", { signal: waited });
    this.#child.send(measurement);
    const [{ measured, error }] = (await answer.catch((cause: unknown) => {
      throw new Error(`${measurement.url} did not answer all requests in time.`, { cause });
    })) as [{ measured?: Measured; error?: string }];
    if (!measured) throw new Error(`The load generator failed: ${error}`);
    if (measured.errors > 0)
      throw new Error(
        `${measured.errors} of ${measured.requests} requests to ${measurement.url} were not answered 200.`,
      );
    return measured;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const exited = once(this.#child, "exit");
    this.#child.disconnect();
    await exited;
  }
}
