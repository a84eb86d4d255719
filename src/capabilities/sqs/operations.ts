/** Amazon SQS on this machine: queues, their attributes and tags; messages are in message-operations.ts. */
import type * as sdk from "@aws-sdk/client-sqs";
import type { ResourceStore } from "../../state/store.ts";
import type { Context } from "../../wire/context.ts";
import type { Handlers } from "../../wire/service.ts";
import { COMPUTED, isAttribute } from "./attributes.ts";
import { checkRange, invalidParameter, SqsError } from "./faults.ts";
import { messageHandlers } from "./message-operations.ts";
import { attributesOf, type Queue } from "./queue-definitions.ts";
import { queueName, queueUrl } from "./queue-url.ts";
import type { Queues } from "./queues.ts";

const NAME = /^[\w-]{1,80}$/;
const PAGE = 1000;
const MOST_TAGS = 50;

/** What answers for SQS. */
export function sqsHandlers(queues: Queues, store: ResourceStore): Handlers<typeof sdk, Context> {
  const queueOf = (url: string) => queues.definitions.get(queueName(url, queues.definitions.accountId));

  return {
    ...messageHandlers(queues),

    async CreateQueue({ QueueName: name, Attributes = {}, tags = {} }, { request }) {
      if (!NAME.test(name.replace(/\.fifo$/, "")) || name.length > 80)
        throw invalidParameter(
          "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length; the name of a FIFO queue ends in .fifo",
        );
      checkTags(tags);
      const queue = await queues.definitions.create(name, Attributes, tags);
      return { QueueUrl: queueUrl(request, queues.definitions.accountId, queue.name) };
    },

    async GetQueueUrl(
      { QueueName: name, QueueOwnerAWSAccountId: owner = queues.definitions.accountId },
      { request },
    ) {
      const queue = await queues.definitions.get(
        queueName(`/${owner}/${name}`, queues.definitions.accountId),
      );
      return { QueueUrl: queueUrl(request, queues.definitions.accountId, queue.name) };
    },

    async ListQueues({ QueueNamePrefix = "", MaxResults, NextToken }, { request }) {
      checkRange("MaxResults", MaxResults, 1, PAGE);
      const after = NextToken === undefined ? "" : Buffer.from(NextToken, "base64url").toString();
      if (after && !NAME.test(after.replace(/\.fifo$/, "")))
        throw invalidParameter("Invalid or expired next token.");
      const names = (await queues.definitions.names())
        .filter((name) => name.startsWith(QueueNamePrefix) && name > after)
        .sort();
      const page = names.slice(0, MaxResults ?? PAGE);
      if (!page.length) return {};
      // SQS tells of more only to those who ask for pages
      const more = MaxResults !== undefined && names.length > page.length;
      return {
        QueueUrls: page.map((name) => queueUrl(request, queues.definitions.accountId, name)),
        ...(more && { NextToken: Buffer.from(page.at(-1) ?? "").toString("base64url") }),
      };
    },

    async GetQueueAttributes({ QueueUrl, AttributeNames = [] }) {
      const queue = await queueOf(QueueUrl);
      const all = AttributeNames.includes("All");
      const unknown = AttributeNames.find((name) => name !== "All" && !isAttribute(name));
      if (unknown !== undefined) throw new SqsError("InvalidAttributeName", `Unknown Attribute ${unknown}.`);
      const wanted = (name: string) => all || AttributeNames.some((one) => one === name);
      const known = { ...attributesOf(queue), ...(COMPUTED.some(wanted) && computed(queues, queue)) };
      const told = Object.entries(known).filter(([name]) => wanted(name));
      return told.length ? { Attributes: Object.fromEntries(told) } : {};
    },

    async SetQueueAttributes({ QueueUrl, Attributes }) {
      const { name } = await queueOf(QueueUrl);
      if ("FifoQueue" in Attributes)
        throw new SqsError("InvalidAttributeName", "FifoQueue can not be changed.");
      await queues.setAttributes(name, Attributes);
      return {};
    },

    async DeleteQueue({ QueueUrl }) {
      await queues.delete(queueName(QueueUrl, queues.definitions.accountId));
      return {};
    },

    async PurgeQueue({ QueueUrl }) {
      await queues.purge(await queueOf(QueueUrl));
      return {};
    },

    async ListDeadLetterSourceQueues({ QueueUrl, MaxResults, NextToken }, { request }) {
      if (MaxResults !== undefined || NextToken !== undefined)
        throw invalidParameter(
          "MaxResults and NextToken are not supported by Tideway here: all queues are told at once.",
        );
      const target = await queueOf(QueueUrl);
      const names = await queues.definitions.sourcesOf(target);
      return { queueUrls: names.map((name) => queueUrl(request, queues.definitions.accountId, name)) };
    },

    async TagQueue({ QueueUrl, Tags }) {
      checkTags(Tags);
      const queue = await queueOf(QueueUrl);
      await store.putTags(queue.arn, Tags, MOST_TAGS);
      return {};
    },

    async UntagQueue({ QueueUrl, TagKeys }) {
      const queue = await queueOf(QueueUrl);
      await store.removeTags(queue.arn, TagKeys);
      return {};
    },

    async ListQueueTags({ QueueUrl }) {
      const queue = await queueOf(QueueUrl);
      const tags = await store.tags(queue.arn);
      return tags?.size ? { Tags: Object.fromEntries(tags) } : {};
    },
  };
}

function computed(queues: Queues, queue: Queue): Record<(typeof COMPUTED)[number], string> {
  const { visible, delayed, inFlight } = queues.count(queue);
  const seconds = (ms: number) => String(Math.floor(ms / 1000));
  return {
    ApproximateNumberOfMessages: String(visible),
    ApproximateNumberOfMessagesDelayed: String(delayed),
    ApproximateNumberOfMessagesNotVisible: String(inFlight),
    CreatedTimestamp: seconds(queue.createdAt),
    LastModifiedTimestamp: seconds(queue.updatedAt),
    QueueArn: queue.arn,
  };
}

function checkTags(tags: Readonly<Record<string, string>>): void {
  const wrong = Object.entries(tags).find(
    ([key, value]) => key.length < 1 || key.length > 128 || value.length > 256,
  );
  if (wrong)
    throw invalidParameter(
      `The tag ${wrong[0].slice(0, 128)} is invalid: keys have 1 to 128 characters, values up to 256.`,
    );
  if (Object.keys(tags).length > MOST_TAGS)
    throw invalidParameter(`Too many tags: a queue has up to ${MOST_TAGS}.`);
}
