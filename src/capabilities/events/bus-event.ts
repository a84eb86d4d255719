/** Events in the shape in which EventBridge delivers them. */
import { createHash } from "node:crypto";

export interface BusEvent {
  readonly version: "0";
  /** The same for an event that is told twice. */
  readonly id: string;
  readonly "detail-type": string;
  readonly source: string;
  readonly account: string;
  /** To the second, as AWS tells it. */
  readonly time: string;
  readonly region: string;
  readonly resources: readonly string[];
  readonly detail: object;
}

export const eventTime = (at: number) => new Date(at).toISOString().replace(/\.\d+Z$/, "Z");

/** An id that is always the same for the same words. */
export function eventId(words: string): string {
  const hex = createHash("sha256").update(words).digest("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join(
    "-",
  );
}
