import type { Instance } from "./instance.ts";

/** One instance's line. */
interface LogLine {
  readonly instance: string;
  readonly line: string;
}

/**
 * The lines of instances of fleets: each log from its beginning, and with `follow` what is printed next,
 * also by instances that are added later.
 */
export async function* mergeLogs(
  instances: () => readonly Pick<Instance, "id" | "log">[] | undefined,
  watch: (changed: () => void) => () => void,
  { follow, signal }: { follow: boolean; signal: AbortSignal },
): AsyncGenerator<LogLine> {
  if (!follow) {
    for (const { id, log } of instances() ?? [])
      for await (const line of log.lines(false, signal)) yield { instance: id, line };
    return;
  }
  const reading = new Map<object, { instance: string; lines: AsyncGenerator<string>; next: Promise<Turn> }>();
  const fleet = {};
  let wake = Promise.withResolvers<Turn>();
  const stop = watch(() => wake.resolve({ key: fleet }));
  const abort = () => wake.resolve({ key: fleet });
  signal.addEventListener("abort", abort);
  try {
    for (;;) {
      const present = instances();
      if (signal.aborted || (!present && !reading.size)) return;
      for (const { id, log } of present ?? []) {
        if (reading.has(log)) continue;
        const lines = log.lines(true, signal);
        reading.set(log, { instance: id, lines, next: next(log, lines) });
      }
      const { key, result } = await Promise.race([
        wake.promise,
        ...[...reading.values()].map((one) => one.next),
      ]);
      if (key === fleet) wake = Promise.withResolvers();
      const one = reading.get(key);
      if (!one || !result) continue;
      if (result.done) {
        // A closed log stays known while its instance is listed, so that it is not read twice.
        one.next = new Promise(() => {});
        if (!instances()?.some(({ log }) => log === key)) reading.delete(key);
        continue;
      }
      yield { instance: one.instance, line: result.value };
      one.next = next(key, one.lines);
    }
  } finally {
    stop();
    signal.removeEventListener("abort", abort);
  }
}

/** Which source has something new: a log with its next line, or the fleet itself. */
interface Turn {
  readonly key: object;
  readonly result?: IteratorResult<string>;
}

async function next(key: object, lines: AsyncGenerator<string>): Promise<Turn> {
  return { key, result: await lines.next() };
}
