/** Brings what instances print into the log groups where SageMaker has it. */
import type { Clock } from "../../base/clock.ts";
import type { Log } from "../../base/log.ts";
import type { Engine, InstanceOutput } from "../../compute/engine.ts";
import type { LogStore } from "../../telemetry/logs/log-store.ts";
import { readOutput } from "../../telemetry/logs/read-output.ts";

/** Between two looks at all files: what is printed is found within it. */
const LOOK_MS = 250;
/** A look that took long is followed by a longer pause, so that many who print much do not take control's time. */
const SHARE = 4;
const FORGET_MS = 86_400_000;

export interface InstanceOutputPorts {
  readonly store: LogStore;
  readonly engine: Pick<Engine, "outputs" | "watch">;
  readonly clock: Clock;
  readonly log: Log;
  /** Whether a fleet is that of a transform job. */
  readonly isJob: (fleet: string) => boolean;
}

/** Reads from now on; disposing reads what is left. */
export class InstanceOutputs implements Disposable {
  readonly #store: LogStore;
  readonly #engine: Pick<Engine, "outputs" | "watch">;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #isJob: (fleet: string) => boolean;
  readonly #unwatch: () => void;
  #cancel: () => void;
  #forgotAt = 0;

  constructor({ store, engine, clock, log, isJob }: InstanceOutputPorts) {
    this.#store = store;
    this.#engine = engine;
    this.#clock = clock;
    this.#log = log;
    this.#isJob = isJob;
    // Told while the instance's files are still there: its last words are taken before they go.
    this.#unwatch = engine.watch((fleet) => {
      for (const output of engine.outputs?.(fleet) ?? []) if (output.ended) this.#take(output);
    });
    this.#cancel = clock.after(LOOK_MS, () => this.#look());
  }

  [Symbol.dispose](): void {
    this.#cancel();
    this.#unwatch();
    for (const output of this.#engine.outputs?.() ?? []) this.#take(output);
  }

  #look(): void {
    const began = this.#clock.monotonic();
    const outputs = [...(this.#engine.outputs?.() ?? [])];
    for (const output of outputs) this.#take(output);
    const now = this.#clock.now();
    if (now - this.#forgotAt > FORGET_MS) {
      this.#forgotAt = now;
      this.#store.forgetTails(now - FORGET_MS, new Set(outputs.map(({ instance }) => instance)));
    }
    const spent = this.#clock.monotonic() - began;
    this.#cancel = this.#clock.after(Math.max(LOOK_MS, SHARE * spent), () => this.#look());
  }

  #take(output: InstanceOutput): void {
    const { instance, path, ended } = output;
    try {
      for (;;) {
        const seen = this.#store.tail(instance);
        const read = readOutput(path, seen, ended);
        if (!read) return;
        const time = Math.min(this.#clock.now(), read.writtenAt);
        const place = seen ?? streamOf(output, this.#isJob(output.fleet), this.#clock.now());
        const { file, offset, lines, skipped } = read;
        if (skipped) this.#log.warn("An instance prints more than is kept.", { instance, skipped });
        const gap = `Tideway left out ${skipped} bytes here: the instance prints faster than its log is kept.`;
        const events = [...(skipped ? [gap] : []), ...lines]
          .filter((message) => message !== "")
          .map((message) => ({ time, message }));
        this.#store.putTail(instance, { group: place.group, stream: place.stream, file, offset }, events);
        if (!ended) return;
      }
    } catch (error) {
      // As with a full disk: what could not be taken is tried again at the next look.
      this.#log.warn("An instance's log could not be kept.", { instance, error });
    }
  }
}

/** As SageMaker names them; a job's stream ends with the time of its start. */
export function streamOf(
  { instance, spec }: Pick<InstanceOutput, "instance" | "spec">,
  isJob: boolean,
  now: number,
) {
  if (isJob) return { group: "/aws/sagemaker/TransformJobs", stream: `${spec.endpoint}/${instance}-${now}` };
  return { group: `/aws/sagemaker/Endpoints/${spec.endpoint}`, stream: `${spec.variant}/${instance}` };
}
