import { type JsonPath, NoMatch } from "./json-path.ts";
import type { Payload } from "./payload.ts";
import { RecordError } from "./record-error.ts";

/** What is to be done to each record and to each row of an answer. */
export interface RowWork {
  readonly inputFilter: JsonPath;
  readonly outputFilter: JsonPath;
  readonly join: boolean;
  readonly stamp?: ((record: number) => Stamp) | undefined;
}

/** For DataCaptureConfig.GenerateInferenceId: what is added to a record's output. */
export interface Stamp {
  readonly id: string;
  readonly time: string;
}

/** Filters and joins, for one content type. Both throw RecordError. */
export interface RowFormat {
  request(payload: Payload): Buffer;
  answer(payload: Payload, answer: Buffer): Buffer;
}

/** Works on the record with this index in the payload, which begins at this byte of the payload's body. */
export function onRecord(payload: Payload, index: number, at: number, work: () => void): void {
  try {
    work();
  } catch (error) {
    throw failedAt(payload, index, at, error);
  }
}

/** What to throw for an error that came up at a record. */
export function failedAt({ start }: Payload, index: number, at: number, error: unknown): unknown {
  return error instanceof NoMatch
    ? new RecordError(start.record + index, start.offset + at, error.message)
    : error;
}

/** For an answer that can not be told apart by records. */
export function wrongRows(payload: Payload, records: number, rows: number): RecordError {
  const { record, offset } = payload.start;
  const count = (what: string, number: number) => `${number} ${what}${number === 1 ? "" : "s"}`;
  return new RecordError(
    record,
    offset,
    `begins a payload of ${count("record", records)}, but the model answered ${count("row", rows)}`,
  );
}
