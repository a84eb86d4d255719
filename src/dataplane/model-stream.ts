/** A model's answer on its way: chunks as they come, no more of them kept than a reader can be behind. */
import type { DeadlineList, Expiring } from "./deadlines.ts";
import { StreamFailure } from "./data-plane.ts";
import type { InstanceExchange } from "./instance-link.ts";

/** Bytes kept for a reader that is behind, before the instance is told to wait. */
const HIGH_WATER = 64 * 1024;

/** Read once. Ends well only when the instance ended it well; leaving it early breaks the request off. */
export class ModelStream implements AsyncIterable<Uint8Array>, AsyncIterator<Uint8Array>, Expiring {
  expiresAt = 0;
  readonly #exchange: InstanceExchange;
  readonly #idle: DeadlineList;
  readonly #over: (failure?: StreamFailure) => void;
  readonly #chunks: Uint8Array[] = [];
  #buffered = 0;
  #paused = false;
  /** "open", "ended", or what broke it. */
  #state: "open" | "ended" | StreamFailure = "open";
  #reader: PromiseWithResolvers<IteratorResult<Uint8Array>> | undefined;

  /** `over` is called once, when the instance is no longer needed; with the failure, if it was its own. */
  constructor(exchange: InstanceExchange, idle: DeadlineList, over: (failure?: StreamFailure) => void) {
    this.#exchange = exchange;
    this.#idle = idle;
    this.#over = over;
    idle.set(this);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<Uint8Array>> {
    const chunk = this.#chunks.shift();
    if (chunk) {
      this.#buffered -= chunk.byteLength;
      if (this.#paused && this.#buffered < HIGH_WATER) {
        this.#paused = false;
        this.#idle.set(this);
        this.#exchange.resume();
      }
      return Promise.resolve({ value: chunk, done: false });
    }
    if (this.#state === "ended") return Promise.resolve({ value: undefined, done: true });
    if (this.#state !== "open") return Promise.reject(this.#state);
    this.#reader = Promise.withResolvers();
    return this.#reader.promise;
  }

  /** The reader has had enough. */
  return(): Promise<IteratorResult<Uint8Array>> {
    this.cancel();
    return Promise.resolve({ value: undefined, done: true });
  }

  cancel(): void {
    if (this.#state !== "open") return;
    this.#exchange.abort();
    this.#close("ended");
    this.#chunks.length = 0;
  }

  push(chunk: Uint8Array): void {
    if (this.#reader) {
      this.#reader.resolve({ value: chunk, done: false });
      this.#reader = undefined;
    } else {
      this.#chunks.push(chunk);
      this.#buffered += chunk.byteLength;
    }
    if (this.#buffered >= HIGH_WATER && !this.#paused) {
      this.#paused = true;
      this.#exchange.pause();
      this.#idle.clear(this); // it is the reader who is slow
    } else this.#idle.set(this);
  }

  end(): void {
    this.#close("ended");
  }

  fail(): void {
    this.#close(new StreamFailure("StreamBroken", "The model's response stream broke off before its end."));
  }

  expire(): void {
    this.#exchange.abort();
    this.#close(
      new StreamFailure(
        "ModelInvocationTimeExceeded",
        "The model sent nothing for longer than a response stream may pause.",
      ),
    );
  }

  #close(state: "ended" | StreamFailure): void {
    if (this.#state !== "open") return;
    this.#state = state;
    this.#idle.clear(this);
    const failure = state === "ended" ? undefined : state;
    if (failure) this.#reader?.reject(failure);
    else this.#reader?.resolve({ value: undefined, done: true });
    this.#reader = undefined;
    this.#over(failure);
  }
}
