import { BrokenRecord, type RecordSplitter } from "./record-splitter.ts";

const [LF, CR, QUOTE, COMMA] = [10, 13, 34, 44];
/** Where a byte of CSV stands: quotes mean something at the start of a field, in quotes, and right behind a quote there. */
const [FIELD_START, PLAIN, QUOTED, AFTER_QUOTE] = [0, 1, 2, 3];

/** SplitType Line. In CSV a newline within quotes ends no record, as RFC 4180 has it. */
export class Lines implements RecordSplitter {
  blank = false;
  readonly #csv: boolean;
  /** Bytes of the open record in earlier chunks, and the record's first one. */
  #length = 0;
  #first = 0;
  #state = FIELD_START;
  /** The next quote of this chunk; so long as it lies behind a line's end, nobody looks at the bytes one by one. */
  #chunk: Buffer | undefined;
  #quote = 0;

  constructor(csv: boolean) {
    this.#csv = csv;
  }

  next(chunk: Buffer, at: number): number {
    if (this.#length === 0) this.#first = chunk[at]!;
    const end = this.#csv ? this.#csvEnd(chunk, at) : chunk.indexOf(LF, at) + 1 || -1;
    if (end < 0) this.#length += chunk.length - at;
    else this.#close(this.#length + end - at);
    return end;
  }

  finish(): boolean {
    if (this.#state === QUOTED) throw new BrokenRecord("is not complete: the object ends within quotes");
    this.blank = false;
    // A carriage return at the very end is half of a line end.
    return this.#length > 1 || (this.#length === 1 && this.#first !== CR);
  }

  dataOf(record: Buffer): Buffer {
    return record.subarray(0, withoutLineEnd(record, 0, record.length));
  }

  #close(length: number): void {
    this.blank = length === 1 || (length === 2 && this.#first === CR);
    this.#length = 0;
    this.#state = FIELD_START;
  }

  #csvEnd(chunk: Buffer, at: number): number {
    if (chunk !== this.#chunk || this.#quote < at) {
      this.#chunk = chunk;
      this.#quote = chunk.indexOf(QUOTE, at);
      if (this.#quote < 0) this.#quote = chunk.length;
    }
    if (this.#state < QUOTED) {
      const lineEnd = chunk.indexOf(LF, at);
      if (lineEnd >= 0 && lineEnd < this.#quote) return lineEnd + 1;
      if (lineEnd < 0 && this.#quote === chunk.length) {
        this.#state = chunk[chunk.length - 1] === COMMA ? FIELD_START : PLAIN;
        return -1;
      }
    }
    return this.#quotedEnd(chunk, at);
  }

  #quotedEnd(chunk: Buffer, at: number): number {
    let state = this.#state;
    for (let i = at; i < chunk.length; i++) {
      const byte = chunk[i];
      if (state === QUOTED) {
        if (byte === QUOTE) state = AFTER_QUOTE;
      } else if (byte === LF) return i + 1;
      else if (byte === COMMA) state = FIELD_START;
      else if (byte === QUOTE && state !== PLAIN) state = QUOTED;
      else state = PLAIN;
    }
    this.#state = state;
    return -1;
  }
}

/** Goes through the lines of bytes that are all there; `from` and `to` are the line's, without its end. */
export class LineCursor {
  from = 0;
  to = 0;
  readonly #bytes: Buffer;
  readonly #lines: Lines;
  #at = 0;

  constructor(bytes: Buffer, csv: boolean) {
    this.#bytes = bytes;
    this.#lines = new Lines(csv);
  }

  /** On to the next line that is not blank; false where there is none. */
  next(): boolean {
    while (this.#at < this.#bytes.length) {
      this.from = this.#at;
      const end = this.#lines.next(this.#bytes, this.#at);
      this.#at = end < 0 ? this.#bytes.length : end;
      this.to = withoutLineEnd(this.#bytes, this.from, this.#at);
      if (this.to > this.from) return true;
    }
    return false;
  }
}

function withoutLineEnd(bytes: Buffer, from: number, to: number): number {
  let end = to;
  if (end > from && bytes[end - 1] === LF) end--;
  if (end > from && bytes[end - 1] === CR) end--;
  return end;
}
