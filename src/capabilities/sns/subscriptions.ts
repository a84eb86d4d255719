/** Subscriptions: asked for, confirmed, read, changed, listed, ended. */
import { createHash, timingSafeEqual } from "node:crypto";
import type * as sdk from "@aws-sdk/client-sns";
import { AlreadyExists, Conflict } from "../../state/store.ts";
import type { Context } from "../../wire/context.ts";
import type { Handlers } from "../../wire/service.ts";
import { checkSubscriptionAttributes, effectiveDeliveryPolicy, isQueueArn } from "./attributes.ts";
import { invalidParameter, notFound } from "./faults.ts";
import { SUBSCRIPTION, type SubscriptionSpec } from "./kinds.ts";
import { again, page, topicOf } from "./lookup.ts";
import type { SnsParts } from "./parts.ts";
import { refusedUrl } from "../../base/webhook.ts";
import type { Subscription } from "./transports.ts";

const TOKEN_MS = 2 * 86_400_000;

export function subscriptionHandlers(parts: SnsParts): Handlers<typeof sdk, Context> {
  const { store, account } = parts;

  return {
    async Subscribe(
      { TopicArn, Protocol, Endpoint = "", Attributes = {}, ReturnSubscriptionArn },
      { request, caller },
    ) {
      const protocol = checkEndpoint(parts, Protocol, Endpoint);
      checkSubscriptionAttributes(Attributes, Protocol, account);
      const topic = await topicOf(parts, TopicArn);
      // the same subscriber is the same subscription, however often it is asked for
      const name = idOf(topic.uid, Protocol, Endpoint);
      const scheme = request.headers["x-forwarded-proto"] === "https" ? "https" : "http";
      const spec: SubscriptionSpec = {
        topicArn: topic.arn,
        protocol,
        endpoint: Endpoint,
        attributes: Attributes,
        serverUrl: `${scheme}://${request.headers.host}`,
        token: parts.random.bytes(32).toString("hex"),
        askedAt: parts.clock.now(),
        principal: caller.arn,
      };
      const state = protocol === "sqs" ? "Confirmed" : "PendingConfirmation";
      let subscription: Subscription;
      try {
        subscription = await store.create(SUBSCRIPTION, {
          name,
          arn: `${topic.arn}:${name}`,
          owner: topic.uid,
          spec,
          status: { state },
        });
      } catch (error) {
        if (!(error instanceof AlreadyExists)) throw error;
        subscription = await existing(parts, name, spec);
      }
      if (subscription.status.state === "PendingConfirmation") await askToConfirm(parts, subscription);
      return {
        SubscriptionArn: ReturnSubscriptionArn
          ? subscription.arn
          : shownArn(subscription, "pending confirmation"),
      };
    },

    async ConfirmSubscription({ TopicArn, Token }) {
      const { arn } = await confirmSubscription(parts, TopicArn, Token);
      return { SubscriptionArn: arn };
    },

    async Unsubscribe({ SubscriptionArn }) {
      const subscription = await find(parts, SubscriptionArn);
      if (subscription) await removeSubscription(parts, subscription.name);
      return {};
    },

    async ListSubscriptions({ NextToken }) {
      const { items, next } = await page((query) => store.list(SUBSCRIPTION, query), NextToken);
      return {
        Subscriptions: items.map((one) => shown(one, account.accountId)),
        ...(next && { NextToken: next }),
      };
    },

    async ListSubscriptionsByTopic({ TopicArn, NextToken }) {
      const { uid: owner } = await topicOf(parts, TopicArn);
      const { items, next } = await page((query) => store.list(SUBSCRIPTION, { ...query, owner }), NextToken);
      return {
        Subscriptions: items.map((one) => shown(one, account.accountId)),
        ...(next && { NextToken: next }),
      };
    },

    async GetSubscriptionAttributes({ SubscriptionArn }) {
      const { arn, spec, status } = await subscriptionOf(parts, SubscriptionArn);
      const set = Object.entries(spec.attributes).filter(([, value]) => value !== "");
      return {
        Attributes: {
          SubscriptionArn: arn,
          TopicArn: spec.topicArn,
          Owner: account.accountId,
          Protocol: spec.protocol,
          Endpoint: spec.endpoint,
          PendingConfirmation: String(status.state === "PendingConfirmation"),
          ConfirmationWasAuthenticated: String(spec.protocol === "sqs"),
          SubscriptionPrincipal: spec.principal,
          RawMessageDelivery: "false",
          ...(spec.protocol !== "sqs" && {
            EffectiveDeliveryPolicy: effectiveDeliveryPolicy(spec.attributes),
          }),
          ...(spec.attributes.FilterPolicy && { FilterPolicyScope: "MessageAttributes" }),
          ...Object.fromEntries(set),
        },
      };
    },

    async SetSubscriptionAttributes({ SubscriptionArn, AttributeName, AttributeValue = "" }) {
      await again(async () => {
        const subscription = await subscriptionOf(parts, SubscriptionArn);
        const { spec } = subscription;
        const attributes = { ...spec.attributes, [AttributeName]: AttributeValue };
        checkSubscriptionAttributes(attributes, spec.protocol, account);
        await store.update(SUBSCRIPTION, subscription, { spec: { ...spec, attributes } });
      });
      return {};
    },
  };
}

/** Throws unless somebody can be reached so. */
function checkEndpoint(
  { account }: SnsParts,
  protocol: string,
  endpoint: string,
): SubscriptionSpec["protocol"] {
  if (protocol === "sqs") {
    if (!isQueueArn(endpoint, account))
      throw invalidParameter("SQS endpoint ARN: it must be the ARN of a standard queue of this server");
    return protocol;
  }
  if (protocol !== "http" && protocol !== "https")
    throw invalidParameter(
      `Protocol Reason: ${protocol.slice(0, 100)} is not supported by Tideway: http, https and sqs are`,
    );
  const wrong = endpoint.startsWith(`${protocol}://`)
    ? refusedUrl(endpoint)
    : "Endpoint must match the specified protocol";
  if (wrong) throw invalidParameter(`Endpoint Reason: ${wrong}`);
  return protocol;
}

/** The subscription that is there already, asked to be confirmed anew if it is not; refuses other attributes. */
async function existing(parts: SnsParts, name: string, wanted: SubscriptionSpec): Promise<Subscription> {
  for (;;) {
    const found = await parts.store.get(SUBSCRIPTION, name);
    if (!found) throw notFound("Subscription"); // ended in this moment
    const { attributes } = found.spec;
    if (Object.entries(wanted.attributes).some(([key, value]) => (attributes[key] ?? "") !== value))
      throw invalidParameter("Attributes Reason: Subscription already exists with different attributes");
    if (found.status.state === "Confirmed") return found;
    try {
      const { token, askedAt, serverUrl } = wanted;
      return await parts.store.update(SUBSCRIPTION, found, {
        spec: { ...found.spec, token, askedAt, serverUrl },
      });
    } catch (error) {
      if (!(error instanceof Conflict)) throw error;
    }
  }
}

async function askToConfirm(
  { deliveries, random, clock }: SnsParts,
  { name, spec }: Subscription,
): Promise<void> {
  const message = {
    type: "SubscriptionConfirmation",
    messageId: random.uuid(),
    topicArn: spec.topicArn,
    bodies: {},
    attributes: {},
    publishedAt: clock.now(),
  } as const;
  await deliveries.add(message, [name]);
}

/** Whoever has the token is the subscriber. */
export async function confirmSubscription(
  parts: SnsParts,
  topicArn: string,
  token: string,
): Promise<Subscription> {
  const topic = await topicOf(parts, topicArn);
  const subscription = (await subscriptionsOf(parts, topic.uid)).find((one) => isSame(one.spec.token, token));
  if (!subscription) throw invalidParameter("Token");
  if (subscription.status.state === "Confirmed") return subscription;
  if (parts.clock.now() > subscription.spec.askedAt + TOKEN_MS)
    throw invalidParameter("Token Reason: it is older than two days; subscribe again");
  try {
    return await parts.store.update(SUBSCRIPTION, subscription, { status: { state: "Confirmed" } });
  } catch (error) {
    if (!(error instanceof Conflict)) throw error;
    return confirmSubscription(parts, topicArn, token);
  }
}

/** By the link in a notification: false when it is none. */
export async function unsubscribeByToken(
  parts: SnsParts,
  subscriptionArn: string,
  token: string,
): Promise<boolean> {
  const subscription = await find(parts, subscriptionArn);
  if (!subscription || !isSame(subscription.spec.token, token)) return false;
  await removeSubscription(parts, subscription.name);
  return true;
}

/** All subscriptions of a topic. */
export async function subscriptionsOf(
  { store }: Pick<SnsParts, "store">,
  topicUid: string,
): Promise<Subscription[]> {
  const found: Subscription[] = [];
  let token: string | undefined;
  do {
    const query = { owner: topicUid, sortBy: "Name", descending: false, limit: 1000, token } as const;
    const { items, next } = await store.list(SUBSCRIPTION, query);
    found.push(...items);
    token = next;
  } while (token !== undefined);
  return found;
}

export async function removeSubscriptions(parts: SnsParts, topicUid: string): Promise<void> {
  for (const { name } of await subscriptionsOf(parts, topicUid)) await removeSubscription(parts, name);
}

async function removeSubscription({ store, deliveries }: SnsParts, name: string): Promise<void> {
  await again(async () => {
    const subscription = await store.get(SUBSCRIPTION, name);
    if (subscription) await store.remove(SUBSCRIPTION, subscription);
  });
  await deliveries.forget(name);
}

async function find(
  { store }: Pick<SnsParts, "store">,
  subscriptionArn: string,
): Promise<Subscription | undefined> {
  const [, name] = /^arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[^:]+:([0-9a-f-]{36})$/.exec(subscriptionArn) ?? [];
  if (name === undefined)
    throw invalidParameter("SubscriptionArn Reason: it is not the ARN of a subscription");
  const found = await store.get(SUBSCRIPTION, name);
  return found?.arn === subscriptionArn ? found : undefined;
}

async function subscriptionOf(parts: SnsParts, subscriptionArn: string): Promise<Subscription> {
  const found = await find(parts, subscriptionArn);
  if (!found) throw notFound("Subscription");
  return found;
}

function shown(subscription: Subscription, Owner: string): sdk.Subscription {
  const { topicArn: TopicArn, protocol: Protocol, endpoint: Endpoint } = subscription.spec;
  return {
    SubscriptionArn: shownArn(subscription, "PendingConfirmation"),
    Owner,
    Protocol,
    Endpoint,
    TopicArn,
  };
}

const shownArn = ({ arn, status }: Subscription, pending: string) =>
  status.state === "Confirmed" ? arn : pending;

/** In the form of a UUID. */
function idOf(topicUid: string, protocol: string, endpoint: string): string {
  const hex = createHash("sha256").update(`${topicUid}\n${protocol}\n${endpoint}`).digest("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join(
    "-",
  );
}

function isSame(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}
