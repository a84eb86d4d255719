/** How far a job is, and when it will be through: pure. */
import type { Totals } from "./kinds.ts";

/** What is counted while a job runs. */
export interface Counts extends Totals {
  /** Of all objects; undefined while they are still being counted. */
  readonly total?: { readonly objects: number; readonly bytes: number };
}

export interface Progress {
  readonly objects: { readonly done: number; readonly failed: number; readonly total?: number };
  readonly records: number;
  readonly bytes: { readonly done: number; readonly total?: number };
  /** Of the bytes, 0 to 100 with one decimal. */
  readonly percent?: number;
  readonly recordsPerSecond: number;
  readonly bytesPerSecond: number;
  readonly secondsLeft?: number;
}

/** `since` is what was done when the clock of `elapsedMs` began: after a restart what was done before says nothing of the pace. */
export function progressOf(
  counts: Counts,
  since: Pick<Totals, "records" | "bytes">,
  elapsedMs: number,
): Progress {
  const { total, objects, failedObjects, records, bytes } = counts;
  const perSecond = (done: number) => (elapsedMs > 0 ? Math.round((done * 1000) / elapsedMs) : 0);
  const bytesPerSecond = perSecond(bytes - since.bytes);
  const done = total ? Math.min(bytes, total.bytes) : bytes;
  return {
    objects: { done: objects, failed: failedObjects, ...(total && { total: total.objects }) },
    records,
    bytes: { done, ...(total && { total: total.bytes }) },
    ...(total && { percent: total.bytes > 0 ? Math.floor((1000 * done) / total.bytes) / 10 : 100 }),
    recordsPerSecond: perSecond(records - since.records),
    bytesPerSecond,
    ...(total && bytesPerSecond > 0 && { secondsLeft: Math.ceil((total.bytes - done) / bytesPerSecond) }),
  };
}
