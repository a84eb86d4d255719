/** An object that can not be cut into records, or a record that can not be filtered or joined: fails that object. */
export class RecordError extends Error {
  override readonly name = "RecordError";
  /** Counted from 1 within its object. */
  readonly record: number;
  /** Of the record's first byte in its object (decompressed). */
  readonly offset: number;

  /** `problem` ends the sentence "Record 3, which begins at byte 120, ...". */
  constructor(record: number, offset: number, problem: string) {
    super(`Record ${record}, which begins at byte ${offset}, ${problem}.`);
    this.record = record;
    this.offset = offset;
  }
}
