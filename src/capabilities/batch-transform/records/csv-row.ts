import { boundsOf, NoMatch, type Slice } from "./json-path.ts";

const [QUOTE, COMMA] = [34, 44];

/** One row of CSV within its bytes; its fields are found as far as they are asked for. */
export class CsvRow {
  readonly bytes: Buffer;
  from = 0;
  to = 0;
  /** Where the fields end that were found. */
  #ends = new Int32Array(64);
  #found = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  set(from: number, to: number): void {
    this.from = from;
    this.to = to;
    this.#found = 0;
  }

  has(field: number): boolean {
    if (this.#found <= field) this.#find(field + 1);
    return this.#found > field;
  }

  get fields(): number {
    this.#find(Infinity);
    return this.#found;
  }

  /** Of a field that the row has. */
  start(field: number): number {
    return field === 0 ? this.from : this.#ends[field - 1]! + 1;
  }

  /** Of a field that the row has. */
  end(field: number): number {
    return this.#ends[field]!;
  }

  #find(count: number): void {
    const { bytes, to } = this;
    let found = this.#found;
    let at = found === 0 ? this.from : this.#ends[found - 1]! + 1;
    for (; found < count && at <= to; at++) {
      if (bytes[at] === QUOTE && at < to) at = quoteEnd(bytes, at, to);
      while (at < to && bytes[at] !== COMMA) at++;
      if (found === this.#ends.length) {
        const larger = new Int32Array(found * 2);
        larger.set(this.#ends);
        this.#ends = larger;
      }
      this.#ends[found++] = at;
    }
    this.#found = found;
  }
}

/** Behind the quote that ends a field; quotes inside are doubled. */
function quoteEnd(bytes: Buffer, start: number, to: number): number {
  for (let at = start + 1; at < to; at++)
    if (bytes[at] === QUOTE) {
      if (at + 1 === to || bytes[at + 1] !== QUOTE) return at + 1;
      at++;
    }
  return to;
}

/** Part of one row: from one byte up to before another. */
export type TakeBytes = (bytes: Buffer, from: number, to: number) => void;

/**
 * Takes the columns of a row, or of two rows that stand for one, the input's and the answer's. Looks no further into
 * a row than it must. Throws NoMatch.
 */
export function takeColumns(
  items: readonly (number | Slice)[],
  row: CsvRow,
  joined: CsvRow | undefined,
  take: TakeBytes,
): void {
  let taken = false;
  for (const item of items)
    if (typeof item === "number") {
      takeColumn(item, row, joined, take);
      taken = true;
    } else if (takeSlice(item, row, joined, take)) taken = true;
  if (!taken)
    throw new NoMatch(`has ${columnsOf(row, joined)} columns, none of them in the range of the filter`);
}

function takeColumn(index: number, row: CsvRow, joined: CsvRow | undefined, take: TakeBytes): void {
  let of = row;
  let field = index;
  if (index < 0) {
    if (joined) of = joined;
    field = of.fields + index;
    if (field < 0 && joined) {
      of = row;
      field += row.fields;
    }
  } else if (joined && !row.has(index)) {
    of = joined;
    field = index - row.fields;
  }
  if (field < 0 || !of.has(field))
    throw new NoMatch(`has ${columnsOf(row, joined)} columns, and so none with the index ${index}`);
  take(of.bytes, of.start(field), of.end(field));
}

/** Whether there is anything in it. */
function takeSlice(slice: Slice, row: CsvRow, joined: CsvRow | undefined, take: TakeBytes): boolean {
  if (slice.end === undefined && slice.start >= 0) {
    const open = row.has(slice.start);
    if (open) take(row.bytes, row.start(slice.start), row.to);
    if (!joined) return open;
    const from = open ? 0 : slice.start - row.fields;
    if (!joined.has(from)) return open;
    take(joined.bytes, joined.start(from), joined.to);
    return true;
  }
  const [from, to] = boundsOf(slice, columnsOf(row, joined));
  takeFields(row, from, Math.min(to, row.fields), take);
  if (joined) takeFields(joined, Math.max(0, from - row.fields), to - row.fields, take);
  return to > from;
}

function takeFields(row: CsvRow, from: number, to: number, take: TakeBytes): void {
  if (to > from) take(row.bytes, row.start(from), row.end(to - 1));
}

function columnsOf(row: CsvRow, joined: CsvRow | undefined): number {
  return row.fields + (joined?.fields ?? 0);
}
