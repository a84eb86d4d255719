/** Messages published: to whom they go is decided at once, and is on the disk when Publish answers. */
import type * as sdk from "@aws-sdk/client-sns";
import { matchesPattern, parseJsonPattern } from "../../base/json-pattern.ts";
import type { Context } from "../../wire/context.ts";
import { Fault } from "../../wire/http.ts";
import type { Handlers } from "../../wire/service.ts";
import { invalidParameter, SnsError } from "./faults.ts";
import { topicOf } from "./lookup.ts";
import { filterValues, type Publication, readPublication, type StoredMessage } from "./message.ts";
import type { SnsParts } from "./parts.ts";
import { subscriptionsOf } from "./subscriptions.ts";
import type { Subscription } from "./transports.ts";

const BATCH = 10;
const BATCH_BYTES = 262_144;

export function publishHandlers(parts: SnsParts): Handlers<typeof sdk, Context> {
  return {
    async Publish(input) {
      const { TopicArn, TargetArn, PhoneNumber } = input;
      if (PhoneNumber !== undefined) throw invalidParameter("PhoneNumber Reason: Tideway sends no SMS");
      const topicArn = TopicArn ?? TargetArn;
      if (topicArn === undefined || (TopicArn !== undefined && TargetArn !== undefined))
        throw invalidParameter("TopicArn or TargetArn Reason: one of them is needed, and only one");
      return { MessageId: await publish(parts, topicArn, publicationOf(input)) };
    },

    async PublishBatch({ TopicArn, PublishBatchRequestEntries: entries }) {
      await topicOf(parts, TopicArn);
      checkBatch(entries);
      const settled = await Promise.allSettled(
        entries.map(async (entry) => publish(parts, TopicArn, publicationOf(entry))),
      );
      const Successful: sdk.PublishBatchResultEntry[] = [];
      const Failed: sdk.BatchResultErrorEntry[] = [];
      for (const [index, outcome] of settled.entries()) {
        const { Id } = entries[index]!;
        if (outcome.status === "fulfilled") Successful.push({ Id, MessageId: outcome.value });
        else {
          const error = outcome.reason as Error;
          if (!(error instanceof SnsError || error instanceof Fault)) throw error;
          Failed.push({
            Id,
            SenderFault: true,
            Code: error.name.replace(/Exception$/, ""),
            Message: error.message,
          });
        }
      }
      return { Successful, Failed };
    },
  };
}

/** The id of the message, once it can not be lost any more. */
export async function publish(parts: SnsParts, topicArn: string, publication: Publication): Promise<string> {
  const content = readPublication(publication);
  const topic = await topicOf(parts, topicArn);
  const { random, clock, deliveries } = parts;
  const message: StoredMessage = {
    type: "Notification",
    messageId: random.uuid(),
    topicArn,
    publishedAt: clock.now(),
    ...content,
  };
  const recipients = (await subscriptionsOf(parts, topic.uid)).filter((one) => wants(one, message));
  await deliveries.add(
    message,
    recipients.map(({ name }) => name),
  );
  return message.messageId;
}

function wants({ status, spec }: Subscription, message: StoredMessage): boolean {
  if (status.state !== "Confirmed") return false;
  const { FilterPolicy: policy, FilterPolicyScope: scope = "MessageAttributes" } = spec.attributes;
  return (
    !policy || matchesPattern(parseJsonPattern(policy, scope === "MessageBody"), filterValues(message, scope))
  );
}

interface Given {
  readonly Message: string;
  readonly Subject?: string;
  readonly MessageStructure?: string;
  readonly MessageAttributes?: Record<string, sdk.MessageAttributeValue>;
  readonly MessageDeduplicationId?: string;
  readonly MessageGroupId?: string;
}

function publicationOf(given: Given): Publication {
  if (given.MessageDeduplicationId !== undefined || given.MessageGroupId !== undefined)
    throw invalidParameter(
      "MessageGroupId, MessageDeduplicationId Reason: FIFO topics are not supported by Tideway",
    );
  const {
    Message: message,
    Subject: subject,
    MessageStructure: structure,
    MessageAttributes: attributes,
  } = given;
  return { message, subject, structure, attributes };
}

function checkBatch(entries: readonly (Given & { readonly Id: string })[]): void {
  if (!entries.length)
    throw new SnsError("EmptyBatchRequestException", "The batch request doesn't contain any entries.");
  if (entries.length > BATCH)
    throw new SnsError(
      "TooManyEntriesInBatchRequestException",
      `The batch request contains more than ${BATCH} entries.`,
    );
  if (!entries.every(({ Id }) => /^[A-Za-z0-9_-]{1,80}$/.test(Id)))
    throw new SnsError(
      "InvalidBatchEntryIdException",
      "The Id of a batch entry must have 1 to 80 letters, digits, - and _.",
    );
  if (new Set(entries.map(({ Id }) => Id)).size < entries.length)
    throw new SnsError(
      "BatchEntryIdsNotDistinctException",
      "Two or more batch entries in the request have the same Id.",
    );
  if (entries.reduce((sum, { Message }) => sum + Buffer.byteLength(Message), 0) > BATCH_BYTES)
    throw new SnsError(
      "BatchRequestTooLongException",
      `The batch request is longer than ${BATCH_BYTES} bytes.`,
    );
}
