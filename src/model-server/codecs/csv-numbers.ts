import { InvalidInput } from "../model.ts";

/** A number as people write it; no two parts can take the same digit, or a long field would be tried in every split. */
export const DECIMAL = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?$/i;

/** A table of numbers, row after row. */
export interface NumberTable {
  readonly data: Float32Array | Float64Array;
  readonly rows: number;
  readonly columns: number;
}

const TENS = Float64Array.from({ length: 16 }, (_, exponent) => 10 ** exponent);
const [LF, CR, QUOTE, COMMA, MINUS, POINT, ZERO, NINE] = [10, 13, 34, 44, 45, 46, 48, 57];

/**
 * Reads text/csv straight from its bytes. Up to 15 digits without an exponent are exact in one division
 * (Clinger's fast path); everything else goes through the slow and exact `fieldNumber`.
 * `emptyIsMissing`: an empty field is NaN, as tree models want it, and not an error.
 */
export function parseCsvNumbers(
  body: Uint8Array,
  double: boolean,
  emptyIsMissing: boolean,
  firstLine = 1,
): NumberTable {
  const end = trimmedEnd(body);
  let data = allocate(double, Math.max(16, Math.ceil(end / 4)));
  let count = 0;
  let columns = 0;
  let column = 0;
  let line = firstLine;
  for (let i = 0; ;) {
    const start = i;
    let byte = body[i];
    const negative = byte === MINUS;
    if (negative) byte = body[++i];
    let mantissa = 0;
    let digits = 0;
    let decimals = 0;
    let point = false;
    for (; i < end; byte = body[++i]) {
      if (byte! >= ZERO && byte! <= NINE) {
        mantissa = mantissa * 10 + (byte! - ZERO);
        digits++;
        if (point) decimals++;
      } else if (byte === POINT && !point) point = true;
      else break;
    }
    let value: number;
    if (digits > 0 && digits <= 15 && (i >= end || byte === COMMA || byte === LF || byte === CR)) {
      value = decimals ? mantissa / TENS[decimals]! : mantissa;
      if (negative) value = -value;
    } else {
      i = fieldEnd(body, start, end);
      value = fieldNumber(text(body, start, i), emptyIsMissing, line, column + 1);
    }
    if (count === data.length) {
      const larger = allocate(double, count * 2);
      larger.set(data);
      data = larger;
    }
    data[count++] = value;
    column++;

    if (i < end && body[i] === COMMA) {
      i++;
      continue;
    }
    if (columns === 0) columns = column;
    else if (column !== columns)
      throw new InvalidInput(`Line ${line} has ${column} values, but the lines before it have ${columns}.`);
    column = 0;
    if (i >= end) break;
    if (body[i] === CR && body[i + 1] === LF) i++;
    i++;
    line++;
  }
  return { data: data.subarray(0, count), rows: count / columns, columns };
}

/** Where the text ends when the line ends after its last row are left out. */
function trimmedEnd(body: Uint8Array): number {
  let end = body.length;
  while (end > 0 && (body[end - 1] === LF || body[end - 1] === CR)) end--;
  if (end === 0) throw new InvalidInput("The body is empty: send at least one row.");
  return end;
}

/** The end of a field, which may be in quotes; quotes inside quotes are doubled. */
export function fieldEnd(body: Uint8Array, start: number, end: number): number {
  let i = start;
  if (body[i] === QUOTE)
    for (i++; i < end; i++)
      if (body[i] === QUOTE) {
        if (body[i + 1] !== QUOTE) break;
        i++;
      }
  while (i < end && body[i] !== COMMA && body[i] !== LF && body[i] !== CR) i++;
  return i;
}

function fieldNumber(field: string, emptyIsMissing: boolean, line: number, column: number): number {
  const written = field.replace(/^"(.*)"$/s, "$1").trim();
  if (DECIMAL.test(written)) return Number(written);
  if (/^[+-]?nan$/i.test(written)) return Number.NaN;
  if (/^[+-]?inf(inity)?$/i.test(written)) return written.startsWith("-") ? -Infinity : Infinity;
  if (written === "") {
    if (emptyIsMissing) return Number.NaN;
    throw new InvalidInput(`Line ${line}, column ${column} is empty: write nan for a missing value.`);
  }
  throw new InvalidInput(
    `Line ${line}, column ${column} is not a number: ${JSON.stringify(written.slice(0, 60))}.` +
      (line === 1
        ? " A header line is left out, or announced as Content-Type text/csv; header=present."
        : ""),
  );
}

function text(body: Uint8Array, start: number, end: number): string {
  return Buffer.from(body.buffer, body.byteOffset + start, end - start).toString("utf8");
}

function allocate(double: boolean, length: number): Float32Array | Float64Array {
  return double ? new Float64Array(length) : new Float32Array(length);
}
