import type { Payload, RecordPosition } from "./payload.ts";

/** Cuts the bytes of one object into payloads; holds no more than one payload and the chunk that was pushed last. */
export interface PayloadCutter {
  /**
   * Takes the next bytes of the object and gives the payloads that are complete now, in order.
   * Throws RecordError for a record that is larger than a payload may be, and for framing that is broken.
   */
  push(chunk: Buffer): Payload[];
  /** At the end of the object: the last payload. Throws RecordError where the object ends within a record. */
  end(): Payload[];
  /** Up to where payloads were given. */
  readonly position: RecordPosition;
}
