/** Topics: made, read, changed, listed, tagged. */
import type * as sdk from "@aws-sdk/client-sns";
import { arn } from "../../base/arn.ts";
import { AlreadyExists, TooManyTags } from "../../state/store.ts";
import type { Context } from "../../wire/context.ts";
import type { Handlers } from "../../wire/service.ts";
import { checkTopicAttribute, effectiveDeliveryPolicy } from "./attributes.ts";
import { invalidParameter, SnsError } from "./faults.ts";
import { TOPIC } from "./kinds.ts";
import { again, page, topicOf } from "./lookup.ts";
import type { SnsParts } from "./parts.ts";
import { removeSubscriptions, subscriptionsOf } from "./subscriptions.ts";

const NAME = /^[A-Za-z0-9_-]{1,256}$/;
const MOST_TAGS = 50;

export function topicHandlers(parts: SnsParts): Handlers<typeof sdk, Context> {
  const { store, account } = parts;

  return {
    async CreateTopic({ Name: name, Attributes = {}, Tags = [], DataProtectionPolicy }) {
      if (DataProtectionPolicy)
        throw invalidParameter("DataProtectionPolicy: it is not supported by Tideway");
      if (name.endsWith(".fifo"))
        throw invalidParameter("Topic Name: FIFO topics are not supported by Tideway");
      if (!NAME.test(name)) throw invalidParameter("Topic Name");
      for (const [key, value] of Object.entries(Attributes)) checkTopicAttribute(key, value);
      const tags = Object.fromEntries(Tags.map(({ Key, Value }) => [Key, Value]));
      checkTags(tags);
      const topicArn = arn(account, "sns", name);
      const spec = { attributes: Attributes };
      try {
        const topic = await store.create(TOPIC, {
          name,
          arn: topicArn,
          spec,
          status: { state: "Active" },
          tags,
        });
        return { TopicArn: topic.arn };
      } catch (error) {
        if (!(error instanceof AlreadyExists)) throw error;
      }
      const has = (await topicOf(parts, topicArn)).spec.attributes;
      if (Object.keys(Attributes).some((key) => (has[key] ?? "") !== Attributes[key]))
        throw invalidParameter("Attributes Reason: Topic already exists with different attributes");
      const known = await store.tags(topicArn);
      if (Object.keys(tags).some((key) => known?.get(key) !== tags[key]))
        throw invalidParameter("Tags Reason: Topic already exists with different tags");
      return { TopicArn: topicArn };
    },

    async DeleteTopic({ TopicArn }) {
      const topic = await topicOf(parts, TopicArn).catch((error: unknown) => {
        if (error instanceof SnsError && error.name === "NotFoundException") return undefined;
        throw error;
      });
      if (!topic) return {};
      await again(async () => store.remove(TOPIC, await topicOf(parts, TopicArn)));
      await removeSubscriptions(parts, topic.uid);
      return {};
    },

    async ListTopics({ NextToken }) {
      const { items, next } = await page((query) => store.list(TOPIC, query), NextToken);
      return { Topics: items.map(({ arn }) => ({ TopicArn: arn })), ...(next && { NextToken: next }) };
    },

    async GetTopicAttributes({ TopicArn }) {
      const topic = await topicOf(parts, TopicArn);
      const subscriptions = await subscriptionsOf(parts, topic.uid);
      const confirmed = subscriptions.filter(({ status }) => status.state === "Confirmed").length;
      return {
        Attributes: {
          TopicArn,
          Owner: account.accountId,
          DisplayName: "",
          Policy: defaultPolicy(TopicArn, account.accountId),
          EffectiveDeliveryPolicy: JSON.stringify({
            http: {
              defaultHealthyRetryPolicy: (
                JSON.parse(effectiveDeliveryPolicy({})) as { healthyRetryPolicy: object }
              ).healthyRetryPolicy,
              disableSubscriptionOverrides: false,
            },
          }),
          SubscriptionsConfirmed: String(confirmed),
          SubscriptionsPending: String(subscriptions.length - confirmed),
          SubscriptionsDeleted: "0",
          ...topic.spec.attributes,
        },
      };
    },

    async SetTopicAttributes({ TopicArn, AttributeName, AttributeValue = "" }) {
      checkTopicAttribute(AttributeName, AttributeValue);
      if (AttributeName === "FifoTopic") throw invalidParameter("AttributeName FifoTopic can not be changed");
      await again(async () => {
        const topic = await topicOf(parts, TopicArn);
        const attributes = { ...topic.spec.attributes, [AttributeName]: AttributeValue };
        await store.update(TOPIC, topic, { spec: { attributes } });
      });
      return {};
    },

    async TagResource({ ResourceArn, Tags }) {
      const tags = Object.fromEntries(Tags.map(({ Key, Value }) => [Key, Value]));
      checkTags(tags);
      await topicOf(parts, ResourceArn, "Resource");
      try {
        await store.putTags(ResourceArn, tags, MOST_TAGS);
      } catch (error) {
        if (!(error instanceof TooManyTags)) throw error;
        throw new SnsError("TagLimitExceededException", `A topic has up to ${MOST_TAGS} tags`);
      }
      return {};
    },

    async UntagResource({ ResourceArn, TagKeys }) {
      await topicOf(parts, ResourceArn, "Resource");
      await store.removeTags(ResourceArn, TagKeys);
      return {};
    },

    async ListTagsForResource({ ResourceArn }) {
      await topicOf(parts, ResourceArn, "Resource");
      const tags = (await store.tags(ResourceArn)) ?? new Map<string, string>();
      return { Tags: [...tags].map(([Key, Value]) => ({ Key, Value })) };
    },
  };
}

function checkTags(tags: Readonly<Record<string, string>>): void {
  if (Object.keys(tags).length > MOST_TAGS)
    throw new SnsError("TagLimitExceededException", `A topic has up to ${MOST_TAGS} tags`);
}

/** What AWS gives a topic that has no policy of its own. */
const defaultPolicy = (Resource: string, owner: string) =>
  JSON.stringify({
    Version: "2008-10-17",
    Id: "__default_policy_ID",
    Statement: [
      {
        Sid: "__default_statement_ID",
        Effect: "Allow",
        Principal: { AWS: "*" },
        Action: [
          "SNS:GetTopicAttributes",
          "SNS:SetTopicAttributes",
          "SNS:DeleteTopic",
          "SNS:Subscribe",
          "SNS:ListSubscriptionsByTopic",
          "SNS:Publish",
        ],
        Resource,
        Condition: { StringEquals: { "AWS:SourceOwner": owner } },
      },
    ],
  });
