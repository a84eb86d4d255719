import { contiguous, type Payload, type RecordPosition } from "./payload.ts";
import { RecordError } from "./record-error.ts";
import { BrokenRecord, type RecordSplitter } from "./record-splitter.ts";

/** What may come with a record that is as long as it may be; only its data counts when it goes without the rest. */
const FRAMING = 64;

export interface CutterSettings {
  /** The longest body of a payload. */
  readonly limitBytes: number;
  /** As long as a payload of several records should be; a record that is longer goes alone. */
  readonly aimBytes?: number | undefined;
  /** As many records as fit, or one. */
  readonly many: boolean;
  /** Takes the line end, framing and padding off a record that goes alone. */
  readonly bare: boolean;
}

/** Cuts the bytes of one object into payloads; holds no more than one payload and the chunk that was pushed last. */
export class PayloadCutter {
  readonly #splitter: RecordSplitter;
  readonly #settings: CutterSettings;
  /** The object's bytes from `#start` on. */
  readonly #held: Buffer[] = [];
  /** Where the payload begins that is being filled. */
  #start: RecordPosition;
  /** Where the last whole record of it ends, and how many there are. */
  #filled: number;
  #records = 0;
  /** The object's bytes that were pushed. */
  #seen: number;
  readonly #aimBytes: number;

  constructor(
    splitter: RecordSplitter,
    settings: CutterSettings,
    from: RecordPosition = { offset: 0, record: 1 },
  ) {
    this.#splitter = splitter;
    this.#settings = settings;
    this.#aimBytes = Math.min(settings.limitBytes, settings.aimBytes ?? Infinity);
    this.#start = from;
    this.#filled = from.offset;
    this.#seen = from.offset;
  }

  /** Up to where payloads were given. */
  get position(): RecordPosition {
    return this.#start;
  }

  /**
   * Takes the next bytes of the object and gives the payloads that are complete now, in order.
   * Throws RecordError for a record that is larger than a payload may be, and for framing that is broken: behind all
   * payloads that are complete before it.
   */
  *push(chunk: Buffer): Generator<Payload> {
    const base = this.#seen;
    this.#held.push(chunk);
    this.#seen += chunk.length;
    try {
      for (let at = 0; at < chunk.length;) {
        const end = this.#splitter.next(chunk, at);
        if (end < 0) break;
        at = end;
        if (this.#isFull(base + end)) yield this.#give();
        if (this.#add(base + end)) yield this.#give();
      }
      if (this.#seen - this.#start.offset > this.#aimBytes) {
        if (this.#records > 0) yield this.#give();
        this.#refuseLong(this.#seen);
      }
    } catch (error) {
      yield* this.#fail(error);
    }
  }

  /** At the end of the object: the last payloads. Throws RecordError where the object ends within a record. */
  *end(): Generator<Payload> {
    try {
      if (this.#splitter.finish()) {
        if (this.#isFull(this.#seen)) yield this.#give();
        this.#add(this.#seen);
      }
      if (this.#records > 0) yield this.#give();
    } catch (error) {
      yield* this.#fail(error);
    }
  }

  *#fail(error: unknown): Generator<Payload, never> {
    const { message } = error as Error;
    const record = this.#start.record + this.#records;
    const failure = error instanceof BrokenRecord ? new RecordError(record, this.#filled, message) : error;
    if (failure instanceof RecordError && this.#records > 0) yield this.#give();
    throw failure;
  }

  /** Whether what ends at this offset of the object does not fit in the payload that is being filled. */
  #isFull(end: number): boolean {
    return this.#records > 0 && end - this.#start.offset > this.#aimBytes;
  }

  /** Takes up a record that ends at this offset; whether the payload is to be given with it. */
  #add(end: number): boolean {
    const { blank } = this.#splitter;
    if (!blank) {
      this.#refuseLong(end);
      this.#records++;
    } else if (this.#records === 0) {
      this.#take(end - this.#start.offset);
      this.#start = { offset: end, record: this.#start.record };
    }
    this.#filled = end;
    return !blank && !this.#settings.many;
  }

  #give(): Payload {
    const start = this.#start;
    const end = { offset: this.#filled, record: start.record + this.#records };
    const bytes = end.offset - start.offset;
    const body = this.#take(bytes);
    const payload = { start, end, records: this.#records, body, bytes };
    this.#start = end;
    this.#records = 0;
    if (!this.#settings.bare) return payload;
    const data = this.#splitter.dataOf(contiguous(body));
    if (data.length > this.#settings.limitBytes) this.#refuse(start);
    return { ...payload, body: [data], bytes: data.length };
  }

  #refuseLong(end: number): void {
    const room = this.#settings.bare ? FRAMING : 0;
    if (end - this.#start.offset > this.#settings.limitBytes + room) this.#refuse(this.#start);
  }

  #refuse({ record, offset }: RecordPosition): never {
    throw new RecordError(
      record,
      offset,
      `is larger than a payload may be, which is ${this.#settings.limitBytes} bytes (MaxPayloadInMB)`,
    );
  }

  #take(bytes: number): Buffer[] {
    const taken: Buffer[] = [];
    for (let left = bytes; left > 0;) {
      const first = this.#held[0]!;
      if (first.length <= left) this.#held.shift();
      else this.#held[0] = first.subarray(left);
      taken.push(first.length <= left ? first : first.subarray(0, left));
      left -= Math.min(first.length, left);
    }
    return taken;
  }
}
