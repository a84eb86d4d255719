/** Bodies that arrive too slowly: each holds a connection and memory for nothing. */
import type { Clock } from "../base/clock.ts";
import { Fault } from "./http.ts";

/** The least that a client must send while it is waited for: 10 KB a second, looked at every 10 s. */
const SLOWEST = { bytes: 100_000, everyMs: 10_000 };

/**
 * The same bytes; throws S3's RequestTimeout when fewer come than must. Only the time in which the client is waited for
 * counts: a server that is slow to store what it has is not the client's fault.
 */
export async function* steady(body: AsyncIterable<Uint8Array>, clock: Clock): AsyncGenerator<Uint8Array> {
  const chunks = body[Symbol.asyncIterator]();
  let left = SLOWEST.everyMs;
  let bytes = 0;
  let late = false;
  try {
    for (;;) {
      const began = clock.monotonic();
      const step = await within(left, clock, chunks.next());
      if (step === LATE) {
        late = true;
        throw new Fault("RequestTimeout", TOO_SLOW);
      }
      if (step.done) return;
      left -= clock.monotonic() - began;
      bytes += step.value.byteLength;
      if (bytes >= SLOWEST.bytes) {
        left = SLOWEST.everyMs;
        bytes = 0;
      }
      yield step.value;
    }
  } finally {
    // the end of a request's body destroys its connection, and the client is still to be told
    if (!late) await chunks.return?.();
  }
}

const LATE = Symbol("late");

function within<Value>(ms: number, clock: Clock, promise: Promise<Value>): Promise<Value | typeof LATE> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(ms, () => resolve(LATE));
    promise.then(resolve, reject).finally(cancel);
  });
}

/** AWS's words. */
const TOO_SLOW =
  "Your socket connection to the server was not read from or written to within the timeout period. Idle connections will be closed.";
