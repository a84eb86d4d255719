import { isUtf8 } from "node:buffer";
import { NoMatch } from "./json-path.ts";
import { elementsOf, membersOf, objectText, selectJson } from "./json-text.ts";
import { LineCursor } from "./lines.ts";
import { contiguous, type Payload } from "./payload.ts";
import { onRecord, type RowFormat, type RowWork, type Stamp, wrongRows } from "./row-format.ts";

/** How JSON lies in a body. */
export interface JsonLayout {
  /** A value per line; else the body is one value, over as many lines as it likes. */
  readonly lines: boolean;
  /** One request may carry several records: their answer has a value per line, or is one array of a value each. */
  readonly many: boolean;
  /** application/jsonlines: an array in an answer is a line's value, and not the lines' values. */
  readonly jsonLines: boolean;
  /** A newline behind a value that has the body to itself. */
  readonly newline: boolean;
}

/** application/json and application/jsonlines: the answer becomes the member SageMakerOutput of its record. */
export class JsonRecords implements RowFormat {
  readonly #work: RowWork;
  readonly #layout: JsonLayout;

  constructor(work: RowWork, layout: JsonLayout) {
    this.#work = work;
    this.#layout = layout;
  }

  request(payload: Payload): Buffer {
    const out: string[] = [];
    this.#eachRecord(payload, (text) => out.push(selectJson(this.#work.inputFilter, text)));
    return this.#written(out);
  }

  answer(payload: Payload, answer: Buffer): Buffer {
    const { join, outputFilter, stamp } = this.#work;
    const counted = join || stamp !== undefined;
    const records = counted ? this.#countRecords(payload) : Number.NaN;
    let values: readonly string[] = [];
    onRecord(payload, 0, 0, () => (values = this.#valuesOf(answer, records)));
    if (counted && values.length !== records) throw wrongRows(payload, records, values.length);
    const out: string[] = [];
    const put = (value: string, index: number) => {
      const selected = selectJson(outputFilter, value);
      out.push(stamp ? stamped(selected, stamp(payload.start.record + index)) : selected);
    };
    if (join) this.#eachRecord(payload, (text, index) => put(joined(text, values[index]!), index));
    else values.forEach((value, index) => onRecord(payload, index, 0, () => put(value, index)));
    return this.#written(out);
  }

  #valuesOf(answer: Buffer, records: number): readonly string[] {
    const { lines, many, jsonLines } = this.#layout;
    if (!lines || !many) return [jsonText(answer, ANSWERED)];
    const array = jsonLines ? undefined : arrayOf(answer);
    if (array && (Number.isNaN(records) || array.length === records)) return array;
    const values: string[] = [];
    for (const cursor = new LineCursor(answer, false); cursor.next();)
      values.push(jsonText(answer.subarray(cursor.from, cursor.to), ANSWERED));
    return values;
  }

  #countRecords(payload: Payload): number {
    if (!this.#layout.lines) return 1;
    const cursor = new LineCursor(contiguous(payload.body), false);
    let count = 0;
    while (cursor.next()) count++;
    return count;
  }

  #eachRecord(payload: Payload, use: (text: string, index: number) => void): void {
    const body = contiguous(payload.body);
    if (!this.#layout.lines) return onRecord(payload, 0, 0, () => use(jsonText(body, ""), 0));
    const cursor = new LineCursor(body, false);
    for (let index = 0; cursor.next(); index++)
      onRecord(payload, index, cursor.from, () =>
        use(jsonText(body.subarray(cursor.from, cursor.to), ""), index),
      );
  }

  #written(values: readonly string[]): Buffer {
    const { lines, newline } = this.#layout;
    if (lines) return Buffer.from(values.map((value) => `${oneLine(value)}\n`).join(""));
    return Buffer.from(newline ? `${values.join("").trimEnd()}\n` : values.join(""));
  }
}

const ANSWERED = "got an answer of the model that ";

/** Valid JSON, as it is written. Throws NoMatch. */
function jsonText(bytes: Buffer, whose: string): string {
  if (!isUtf8(bytes)) throw new NoMatch(`${whose}is not UTF-8`);
  const text = bytes.toString();
  try {
    JSON.parse(text);
  } catch (error) {
    throw new NoMatch(`${whose}is not JSON: ${(error as Error).message}`);
  }
  return text.trim();
}

/** The elements of an answer that is one array. */
function arrayOf(answer: Buffer): readonly string[] | undefined {
  try {
    return elementsOf(jsonText(answer, ""));
  } catch {
    return undefined; // Lines of JSON are none.
  }
}

function joined(record: string, value: string): string {
  if (!record.startsWith("{")) return `{"SageMakerInput":${record},"SageMakerOutput":${value}}`;
  return withMembers(record, [["SageMakerOutput", value]]);
}

function stamped(value: string, { id, time }: Stamp): string {
  const members: (readonly [string, string])[] = [
    ["SageMakerInferenceId", JSON.stringify(id)],
    ["SageMakerInferenceTime", JSON.stringify(time)],
  ];
  return value.startsWith("{")
    ? withMembers(value, members)
    : objectText([["SageMakerOutput", value], ...members]);
}

/** An object with these members last, in place of those that it has of the same names. */
function withMembers(object: string, added: readonly (readonly [string, string])[]): string {
  if (added.some(([name]) => object.includes(name))) {
    const members = membersOf(object)!;
    for (const [name] of added) members.delete(name);
    return objectText([...members, ...added]);
  }
  const before = object.slice(0, -1).trimEnd();
  return `${before}${before === "{" ? "" : ","}${objectText(added).slice(1)}`;
}

/** A value may be laid out over several lines; line ends between its tokens mean nothing, and within them there are none. */
function oneLine(value: string): string {
  return value.replaceAll(/\s*[\r\n]\s*/g, " ");
}
