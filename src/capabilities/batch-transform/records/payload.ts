/** Between two records of an object: where a payload ends and the next one begins, and so what a checkpoint holds. */
export interface RecordPosition {
  /** Bytes of the object (decompressed) before it. */
  readonly offset: number;
  /** The number of the record that follows, counted from 1. */
  readonly record: number;
}

/** Some records of one object that go to the model in one request. */
export interface Payload {
  readonly start: RecordPosition;
  /** Where the next payload begins. */
  readonly end: RecordPosition;
  /** At least one. Blank lines are no records. */
  readonly records: number;
  /**
   * Views of the chunks that were pushed, which must not be written to meanwhile: for MultiRecord the object's bytes
   * from `start` to `end` as they are, for SingleRecord the record without its line end, framing and padding.
   */
  readonly body: readonly Buffer[];
  /** Length of the body. */
  readonly bytes: number;
}

/** Bytes in one piece. */
export function contiguous(pieces: readonly Buffer[]): Buffer {
  return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
}
