/** A message before it is in a queue: what queues take, and what they do not. */
import { createHash } from "node:crypto";
import { invalidParameter, missingParameter, SqsError } from "./faults.ts";
import { attributeBytes } from "./message-attributes.ts";
import type { NewMessage } from "./message-table.ts";

/** A message as a sender gives it. */
export interface Draft extends Omit<NewMessage, "messageId" | "delayMs" | "system"> {
  readonly system: NewMessage["system"];
  /** The queue's own delay unless said otherwise. */
  readonly delaySeconds?: number | undefined;
  readonly deduplicationId?: string | undefined;
}

/** The id by which the queue knows it again, if it does; throws when the message is not one that the queue takes. */
export function checkDraft(
  draft: Draft,
  attributes: Readonly<Record<string, string>>,
  fifo: boolean,
): string | undefined {
  checkBody(draft.body);
  checkSize(draft, Number(attributes.MaximumMessageSize));
  if (fifo && !draft.groupId)
    throw invalidParameter(
      "The request must contain the parameter MessageGroupId: the queue is a FIFO queue.",
    );
  if (fifo && draft.delaySeconds !== undefined)
    throw invalidParameter("DelaySeconds is not valid for a message of a FIFO queue: set it on the queue.");
  const deduplicationId = fifo ? deduplicationOf(draft, attributes) : draft.deduplicationId;
  if (!fifo && deduplicationId !== undefined)
    throw invalidParameter("MessageDeduplicationId is valid for FIFO queues only.");
  return deduplicationId;
}

/** What XML 1.0 can carry: SQS takes nothing else. */
const ALLOWED = /^[\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]*$/u;

function checkBody(body: string): void {
  if (body === "") throw missingParameter("MessageBody");
  if (!ALLOWED.test(body))
    throw new SqsError(
      "InvalidMessageContents",
      "The message contains characters outside the allowed set: #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF",
    );
}

function checkSize({ body, attributes }: Draft, most: number): void {
  const bytes = Buffer.byteLength(body) + attributeBytes(attributes);
  if (bytes > most)
    throw invalidParameter(
      `One or more parameters are invalid. Reason: Message must be shorter than ${most} bytes; it has ${bytes}.`,
    );
}

function deduplicationOf(
  { body, deduplicationId }: Draft,
  attributes: Readonly<Record<string, string>>,
): string {
  if (deduplicationId !== undefined) return deduplicationId;
  if (attributes.ContentBasedDeduplication === "true") return createHash("sha256").update(body).digest("hex");
  throw invalidParameter(
    "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly",
  );
}
