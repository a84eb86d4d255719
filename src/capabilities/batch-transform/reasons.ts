/** Why an object or a job failed, as users read it. The first word is AWS's: whose fault it is. */
import type { Payload } from "./records/payload.ts";

export type Blame = "ClientError" | "AlgorithmError" | "InternalServerError";

const LONGEST_REASON = 1024;
const LONGEST_QUOTE = 300;

/** The job can not go on, whatever its objects are. The message is a FailureReason. */
export class JobFailure extends Error {
  override readonly name = "JobFailure";
}

/** Why one payload, and so its object, failed. */
export interface Failure {
  readonly blame: Blame;
  /** A sentence that names the record. */
  readonly sentence: string;
  readonly record: number;
  readonly offset: number;
  readonly records: number;
  /** Whether a part of the payload may do better. */
  readonly divisible: boolean;
}

export const noInput = (uri: string, why?: string) =>
  `ClientError: No S3 objects found under S3 URL "${uri}" given in input data source.${why === undefined ? "" : ` ${why}`}`;

export const badManifest = (uri: string, problem: string) =>
  `ClientError: The manifest ${uri} ${problem}.`.slice(0, LONGEST_REASON);

export const noOutput = (uri: string, why: string) =>
  `ClientError: The output can not be written to ${uri}: ${why}`;

export const storageFailed = (why: string) => `InternalServerError: The object store failed: ${why}`;

/** `Record 3, which begins at byte 120` or `Records 1 to 340, which begin at byte 0`. */
export function whichRecords({ start, records }: Payload): string {
  return records === 1
    ? `Record ${start.record}, which begins at byte ${start.offset}`
    : `Records ${start.record} to ${start.record + records - 1}, which begin at byte ${start.offset}`;
}

/** What the model said, cut and on one line. */
export function quoted(body: Uint8Array): string {
  const text = new TextDecoder()
    .decode(body.subarray(0, LONGEST_QUOTE * 4))
    .replaceAll(/\s+/g, " ")
    .trim();
  return text === "" ? "" : `: ${JSON.stringify(text.slice(0, LONGEST_QUOTE))}`;
}

/** The first failure, and how many objects failed. */
export function objectsFailed(first: string, failed: number, total: number): string {
  const rest = failed > 1 ? ` ${failed} of ${total} objects failed.` : "";
  return first.slice(0, LONGEST_REASON - rest.length) + rest;
}
