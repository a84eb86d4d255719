/** Operations on up to ten messages at once, each of which succeeds or fails by itself. */
import type { BatchResultErrorEntry } from "@aws-sdk/client-sqs";
import { Fault } from "../../wire/http.ts";
import { SqsError } from "./faults.ts";

const MOST = 10;
const ID = /^[A-Za-z0-9_-]{1,80}$/;

/** Throws unless there are 1 to 10 entries with ids of their own. */
export function checkBatch(entries: readonly { readonly Id: string }[]): void {
  if (entries.length === 0)
    throw new SqsError("EmptyBatchRequest", "There should be at least one entry in the request.");
  if (entries.length > MOST)
    throw new SqsError(
      "TooManyEntriesInBatchRequest",
      `Maximum number of entries per request are ${MOST}. You have sent ${entries.length}.`,
    );
  if (!entries.every(({ Id }) => ID.test(Id)))
    throw new SqsError(
      "InvalidBatchEntryId",
      "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.",
    );
  const ids = new Set(entries.map(({ Id }) => Id));
  if (ids.size < entries.length)
    throw new SqsError(
      "BatchEntryIdsNotDistinct",
      "Two or more batch entries in the request have the same Id.",
    );
}

/** What became of each entry; what fails for another reason than its sender fails the whole request. */
export async function runBatch<Entry extends { readonly Id: string }, Result>(
  entries: readonly Entry[],
  run: (entry: Entry) => Promise<Result>,
): Promise<{ Successful: (Result & { Id: string })[]; Failed: BatchResultErrorEntry[] }> {
  checkBatch(entries);
  // all begin in this turn, in their order: they share one transaction
  const settled = await Promise.allSettled(entries.map(run));
  const Successful: (Result & { Id: string })[] = [];
  const Failed: BatchResultErrorEntry[] = [];
  for (const [index, outcome] of settled.entries()) {
    const { Id } = entries[index]!;
    if (outcome.status === "fulfilled") Successful.push({ ...outcome.value, Id });
    else {
      const error = outcome.reason as Error;
      if (!(error instanceof SqsError || error instanceof Fault)) throw error;
      Failed.push({ Id, SenderFault: true, Code: error.name, Message: error.message });
    }
  }
  return { Successful, Failed };
}
