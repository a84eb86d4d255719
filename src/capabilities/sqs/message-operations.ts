/** Messages sent, received and removed. */
import { createHash } from "node:crypto";
import * as sdk from "@aws-sdk/client-sqs";
import type { Context } from "../../wire/context.ts";
import type { Handlers, Received } from "../../wire/service.ts";
import { runBatch } from "./batches.ts";
import { checkRange, invalidParameter, missingParameter, SqsError } from "./faults.ts";
import {
  attributeBytes,
  attributeDigest,
  chosenAttributes,
  readAttributes,
  tellAttributes,
} from "./message-attributes.ts";
import type { TakenMessage } from "./message-table.ts";
import type { Queue } from "./queue-definitions.ts";
import { queueName } from "./queue-url.ts";
import type { Queues, Receipt } from "./queues.ts";

const BATCH_BYTES = 1_048_576;
const MOST_RECEIVED = 10;
const LONGEST_VISIBILITY = 43_200;
const FIFO_ID = /^[A-Za-z0-9!-/:-@[-`{-~]{1,128}$/;

type Sending = Received<Omit<sdk.SendMessageCommandInput, "QueueUrl">>;

/** The operations on messages. */
export function messageHandlers(queues: Queues): Handlers<typeof sdk, Context> {
  const queueOf = (url: string) => queues.definitions.get(queueName(url, queues.definitions.accountId));

  return {
    async SendMessage({ QueueUrl, ...message }, { caller }) {
      return send(queues, await queueOf(QueueUrl), message, caller.userId);
    },

    async SendMessageBatch({ QueueUrl, Entries }, { caller }) {
      const queue = await queueOf(QueueUrl);
      const bytes = Entries.reduce((sum, entry) => sum + sizeOf(entry), 0);
      if (bytes > BATCH_BYTES)
        throw new SqsError(
          "BatchRequestTooLong",
          `Batch requests cannot be longer than ${BATCH_BYTES} bytes. You have sent ${bytes} bytes.`,
        );
      return runBatch(Entries, (entry) => send(queues, queue, entry, caller.userId));
    },

    async ReceiveMessage(input, { signal }) {
      const { QueueUrl, MaxNumberOfMessages = 1, VisibilityTimeout, WaitTimeSeconds } = input;
      checkRange("MaxNumberOfMessages", MaxNumberOfMessages, 1, MOST_RECEIVED);
      checkRange("VisibilityTimeout", VisibilityTimeout, 0, LONGEST_VISIBILITY);
      checkRange("WaitTimeSeconds", WaitTimeSeconds, 0, 20);
      if (input.ReceiveRequestAttemptId !== undefined)
        throw invalidParameter("ReceiveRequestAttemptId is not supported by Tideway.");
      const wanted = [...(input.AttributeNames ?? []), ...(input.MessageSystemAttributeNames ?? [])];
      const unknown = wanted.find((name) => !SYSTEM.has(name));
      if (unknown !== undefined) throw new SqsError("InvalidAttributeName", `Unknown Attribute ${unknown}.`);
      const name = queueName(QueueUrl, queues.definitions.accountId);
      const taken = await queues.receive(name, {
        limit: MaxNumberOfMessages,
        visibilitySeconds: VisibilityTimeout,
        waitSeconds: WaitTimeSeconds,
        signal,
      });
      if (!taken.length) return {};
      const fifo = name.endsWith(".fifo");
      return { Messages: taken.map((one) => told(one, wanted, input.MessageAttributeNames ?? [], fifo)) };
    },

    async DeleteMessage({ QueueUrl, ReceiptHandle }) {
      await queues.remove(await queueOf(QueueUrl), receiptOf(ReceiptHandle));
      return {};
    },

    async DeleteMessageBatch({ QueueUrl, Entries }) {
      const queue = await queueOf(QueueUrl);
      return runBatch(Entries, async ({ ReceiptHandle }) => {
        await queues.remove(queue, receiptOf(ReceiptHandle));
        return {};
      });
    },

    async ChangeMessageVisibility({ QueueUrl, ReceiptHandle, VisibilityTimeout }) {
      return changeVisibility(queues, await queueOf(QueueUrl), ReceiptHandle, VisibilityTimeout);
    },

    async ChangeMessageVisibilityBatch({ QueueUrl, Entries }) {
      const queue = await queueOf(QueueUrl);
      return runBatch(Entries, ({ ReceiptHandle, VisibilityTimeout }) =>
        changeVisibility(queues, queue, ReceiptHandle, VisibilityTimeout),
      );
    },
  };
}

const SYSTEM: ReadonlySet<string> = new Set(Object.values(sdk.MessageSystemAttributeName));

function sizeOf({ MessageBody, MessageAttributes }: Sending): number {
  return Buffer.byteLength(MessageBody) + attributeBytes(readAttributes(MessageAttributes));
}

async function send(queues: Queues, queue: Queue, message: Sending, sender: string) {
  const { MessageBody: body, DelaySeconds, MessageGroupId, MessageDeduplicationId } = message;
  checkRange("DelaySeconds", DelaySeconds, 0, 900);
  for (const [name, id] of Object.entries({ MessageGroupId, MessageDeduplicationId }))
    if (id !== undefined && !FIFO_ID.test(id))
      throw invalidParameter(
        `Value ${id.slice(0, 200)} for parameter ${name} is invalid. Reason: It must have 1 to 128 letters, digits or punctuation.`,
      );
  const attributes = readAttributes(message.MessageAttributes);
  const system = readSystem(message.MessageSystemAttributes);
  const sent = await queues.send(queue, {
    body,
    attributes,
    system: { SenderId: sender, ...(system && { AWSTraceHeader: system.AWSTraceHeader?.text ?? "" }) },
    groupId: MessageGroupId,
    deduplicationId: MessageDeduplicationId,
    delaySeconds: DelaySeconds,
  });
  return {
    MessageId: sent.messageId,
    MD5OfMessageBody: md5(body),
    MD5OfMessageAttributes: attributeDigest(attributes),
    MD5OfMessageSystemAttributes: system && attributeDigest(system),
    SequenceNumber: sequenceOf(sent.sequence),
  };
}

function readSystem(given: Sending["MessageSystemAttributes"]) {
  if (!given || !Object.keys(given).length) return undefined;
  const read = readAttributes(given);
  for (const [name, { type }] of Object.entries(read))
    if (name !== "AWSTraceHeader" || type !== "String")
      throw invalidParameter(
        `The message system attribute '${name.slice(0, 100)}' is not one: only AWSTraceHeader of type String is.`,
      );
  return read;
}

function told(
  message: TakenMessage,
  wanted: readonly string[],
  wantedAttributes: readonly string[],
  fifo: boolean,
): sdk.Message {
  const { body, groupId } = message;
  const system: Record<string, string | undefined> = {
    ...message.system,
    SentTimestamp: String(Math.round(message.sentAt)),
    ApproximateReceiveCount: String(message.receives),
    ApproximateFirstReceiveTimestamp: String(Math.round(message.firstReceivedAt)),
    MessageGroupId: groupId,
    SequenceNumber: fifo ? sequenceOf(message.id) : undefined,
  };
  const chosen = Object.entries(system).filter(
    ([name, value]) => value !== undefined && (wanted.includes("All") || wanted.includes(name)),
  );
  const attributes = chosenAttributes(message.attributes, wantedAttributes);
  return {
    MessageId: message.messageId,
    ReceiptHandle: handleOf(message),
    MD5OfBody: md5(body),
    Body: body,
    ...(chosen.length > 0 && { Attributes: Object.fromEntries(chosen) }),
    ...(Object.keys(attributes).length > 0 && {
      MessageAttributes: tellAttributes(attributes),
      MD5OfMessageAttributes: attributeDigest(attributes),
    }),
  };
}

async function changeVisibility(
  queues: Queues,
  queue: Queue,
  handle: string,
  visibility: number | undefined,
) {
  if (visibility === undefined) throw missingParameter("VisibilityTimeout");
  checkRange("VisibilityTimeout", visibility, 0, LONGEST_VISIBILITY);
  const result = await queues.changeVisibility(queue, receiptOf(handle), visibility);
  if (result === "gone")
    throw invalidParameter(
      `Value ${handle} for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not available for visibility timeout change.`,
    );
  if (result === "visible")
    throw new SqsError("MessageNotInflight", "The specified message isn't in flight.");
  return {};
}

const handleOf = ({ id, receipt }: TakenMessage) => Buffer.from(`${id} ${receipt}`).toString("base64url");

function receiptOf(handle: string): Receipt {
  const [, id, nonce] =
    /^([1-9]\d{0,15}) ([\w-]{16})$/.exec(Buffer.from(handle, "base64url").toString()) ?? [];
  if (id === undefined || nonce === undefined)
    throw new SqsError(
      "ReceiptHandleIsInvalid",
      `The input receipt handle "${handle.slice(0, 200)}" is not a valid receipt handle.`,
    );
  return { id: Number(id), nonce };
}

const md5 = (text: string) => createHash("md5").update(text).digest("hex");
const sequenceOf = (id: number | undefined) => (id === undefined ? undefined : String(id).padStart(20, "0"));
