/** A whole object as one request of chunks, and its answer as it comes: MaxPayloadInMB 0. Nothing of either is held. */
import type { Clock } from "../../base/clock.ts";
import { type CallInstance, firstBytes, InputBroke, InstanceBroke } from "../../dataplane/instance-call.ts";
import { type Why, refused, withoutReply } from "./invoke.ts";
import { NoAnswer } from "./instance-client.ts";
import type { Home, Seats } from "./seats.ts";

export interface StreamPorts {
  readonly clock: Clock;
  readonly seats: Seats;
  readonly call: CallInstance;
  readonly suspect: (instance: string) => void;
  readonly headers: readonly string[];
  /** How long neither side may be silent. */
  readonly timeoutMs: number;
}

/** So much of a model's error is read. */
const ERROR_BYTES = 4096;

/** Why it failed, or the last byte of the answer; throws what the body or `write` threw. */
export async function streamObject(
  body: AsyncIterable<Uint8Array>,
  home: Home,
  ports: StreamPorts,
  signal: AbortSignal,
  write: (chunk: Uint8Array, contentType: string | undefined) => Promise<void>,
): Promise<Why | { readonly lastByte: number | undefined }> {
  const { clock, seats, call, suspect, headers, timeoutMs } = ports;
  const seat = await seats.take(home, false, signal);
  const { instance } = seat;
  const late = new AbortController();
  const begin = () => clock.after(timeoutMs, () => late.abort(new NoAnswer("no answer in time")));
  let cancel = begin();
  const moved = () => {
    cancel();
    cancel = begin();
  };
  try {
    const answer = await call({
      address: instance.address,
      headers: Object.fromEntries(pairs(headers)),
      body: watched(body, moved),
      signal: AbortSignal.any([signal, late.signal]),
    });
    if (answer.status < 200 || answer.status >= 300)
      return refused(answer.status, await firstBytes(answer.body, ERROR_BYTES));
    let lastByte: number | undefined;
    for await (const chunk of answer.body) {
      moved();
      lastByte = chunk.at(-1) ?? lastByte;
      await write(chunk, answer.contentType);
    }
    return { lastByte };
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof InputBroke) throw error.cause ?? error;
    if (!late.signal.aborted && !(error instanceof InstanceBroke)) throw error;
    suspect(instance.id);
    return withoutReply(late.signal.aborted ? late.signal.reason : error, timeoutMs);
  } finally {
    cancel();
    seats.leave(seat);
  }
}

function* pairs(flat: readonly string[]): Generator<[string, string]> {
  for (let at = 0; at < flat.length; at += 2) yield [flat[at]!, flat[at + 1]!];
}

async function* watched(body: AsyncIterable<Uint8Array>, moved: () => void): AsyncGenerator<Uint8Array> {
  for await (const chunk of body) {
    moved();
    yield chunk;
  }
}
