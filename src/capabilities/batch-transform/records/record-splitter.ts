/** Finds where the records of one format end. It sees the object's chunks one after the other and keeps none of them. */
export interface RecordSplitter {
  /** The offset in the chunk behind the record that is open at `at`, or -1 where it ends in a later chunk. Throws BrokenRecord. */
  next(chunk: Buffer, at: number): number;
  /** Whether the record that `next` or `finish` ended last is a blank line, which is none. */
  readonly blank: boolean;
  /** At the end of the object: whether the bytes since the last record are one. Throws BrokenRecord. */
  finish(): boolean;
  /** A whole record without its line end, framing and padding. */
  dataOf(record: Buffer): Buffer;
}

/** The open record is none of its format; the message ends the sentence "The record ...". */
export class BrokenRecord extends Error {
  override readonly name = "BrokenRecord";
}

/** SplitType None: the object is the record, be it empty. */
export class WholeObject implements RecordSplitter {
  readonly blank = false;

  next(): number {
    return -1;
  }

  finish(): boolean {
    return true;
  }

  dataOf(record: Buffer): Buffer {
    return record;
  }
}
