import { ByteWriter } from "../../../base/byte-writer.ts";
import { CsvRow, takeColumns } from "./csv-row.ts";
import type { JsonPath, Slice } from "./json-path.ts";
import { LineCursor } from "./lines.ts";
import { contiguous, type Payload } from "./payload.ts";
import { failedAt, type RowFormat, type RowWork, wrongRows } from "./row-format.ts";

const [LF, COMMA] = [10, 44];

/** text/csv: a row is an array of its columns, and an answer's row is appended to its record's. Fields stay as they are written. */
export class CsvRecords implements RowFormat {
  readonly #input: readonly (number | Slice)[] | undefined;
  readonly #output: readonly (number | Slice)[] | undefined;
  readonly #join: boolean;
  readonly #stamp: RowWork["stamp"];

  constructor({ inputFilter, outputFilter, join, stamp }: RowWork) {
    this.#input = columnsOf(inputFilter);
    this.#output = columnsOf(outputFilter);
    this.#join = join;
    this.#stamp = stamp;
  }

  request(payload: Payload): Buffer {
    const body = contiguous(payload.body);
    if (!this.#input) return body;
    const lines = new LineCursor(body, true);
    const row = new CsvRow(body);
    const out = new Fields(body.length + 1);
    let index = 0;
    try {
      for (; lines.next(); index++) {
        row.set(lines.from, lines.to);
        takeColumns(this.#input, row, undefined, out.take);
        out.end();
      }
    } catch (error) {
      throw failedAt(payload, index, lines.from, error);
    }
    return out.written;
  }

  answer(payload: Payload, answer: Buffer): Buffer {
    const answers = new LineCursor(answer, true);
    const answered = new CsvRow(answer);
    const body = this.#join ? contiguous(payload.body) : undefined;
    const records = body && new LineCursor(body, true);
    const record = body && new CsvRow(body);
    const out = new Fields(answer.length + (body ? body.length + 2 * payload.records : 1));
    const counted = this.#join || this.#stamp !== undefined;
    let index = 0;
    try {
      for (; answers.next(); index++) {
        if (counted && index === payload.records) throw wrongRows(payload, payload.records, rowsOf(answer));
        records?.next();
        answered.set(answers.from, answers.to);
        record?.set(records!.from, records!.to);
        if (this.#output) takeColumns(this.#output, record ?? answered, record && answered, out.take);
        else {
          if (record) out.take(body, record.from, record.to);
          out.take(answer, answers.from, answers.to);
        }
        if (this.#stamp) out.stamp(this.#stamp(payload.start.record + index));
        out.end();
      }
    } catch (error) {
      throw failedAt(payload, index, records?.from ?? 0, error);
    }
    if (counted && index < payload.records) throw wrongRows(payload, payload.records, index);
    return out.written;
  }
}

/** Only index-based paths apply to CSV; that a path is one was checked before. Undefined takes the row as it is. */
function columnsOf([step]: JsonPath): readonly (number | Slice)[] | undefined {
  return step?.kind === "items" ? step.items : undefined;
}

function rowsOf(answer: Buffer): number {
  const lines = new LineCursor(answer, true);
  let rows = 0;
  while (lines.next()) rows++;
  return rows;
}

/** Rows as they are written, with a comma between what is taken into each. */
class Fields {
  readonly #out: ByteWriter;
  #begun = false;

  constructor(expected: number) {
    this.#out = new ByteWriter(expected);
  }

  readonly take = (bytes: Buffer, from: number, to: number): void => {
    if (this.#begun) this.#out.byte(COMMA);
    this.#begun = true;
    this.#out.copy(bytes, from, to);
  };

  stamp({ id, time }: { readonly id: string; readonly time: string }): void {
    this.#out.text(`,${id},${time}`);
  }

  end(): void {
    this.#out.byte(LF);
    this.#begun = false;
  }

  get written(): Buffer {
    return this.#out.written;
  }
}
