/** What becomes of one notification for one subscriber: brought there, tried again later, or given up. */
import type { Delivery } from "../../base/deliveries/delivery-table.ts";
import { type DeliveryPorts, DeliveryLanes } from "../../base/deliveries/delivery-lanes.ts";
import type { Attempt } from "../../base/webhook.ts";
import type { ResourceStore } from "../../state/store.ts";
import { SUBSCRIPTION, TOPIC } from "./kinds.ts";
import type { StoredMessage } from "./message.ts";
import { HTTP_RETRIES, parseDeliveryPolicy, QUEUE_RETRIES, retryDelayMs } from "./retry-policy.ts";
import { payload, type Subscription, transport, type TransportPorts } from "./transports.ts";

export interface DeliveriesPorts extends TransportPorts, DeliveryPorts<StoredMessage> {
  readonly store: ResourceStore;
}

/** A lane is the name of a subscription. */
export type Deliveries = DeliveryLanes<StoredMessage>;

export const snsDeliveries = (ports: DeliveriesPorts): Deliveries =>
  new DeliveryLanes(ports, (delivery, signal) => deliver(ports, delivery, signal));

async function deliver(
  ports: DeliveriesPorts,
  delivery: Delivery<StoredMessage>,
  signal: AbortSignal,
): Promise<{ readonly retryMs: number } | undefined> {
  const subscription = await ports.store.get(SUBSCRIPTION, delivery.lane);
  // whoever unsubscribed wants nothing more
  if (!subscription) return undefined;
  const version = await signatureVersion(ports.store, delivery.message.topicArn);
  const attempt = await transport(subscription, delivery.message, version, ports, signal);
  if (attempt.kind === "delivered") return undefined;
  const retryMs =
    attempt.kind === "failed" ? retryDelayMs(policyOf(subscription), delivery.failures + 1) : undefined;
  if (retryMs !== undefined) return { retryMs };
  await giveUp(ports, subscription, delivery, attempt, version);
  return undefined;
}

/** To the dead letter queue, or nowhere. */
async function giveUp(
  { queues, signer, log }: DeliveriesPorts,
  subscription: Subscription,
  { message, failures }: Delivery<StoredMessage>,
  attempt: Exclude<Attempt, { kind: "delivered" }>,
  version: "1" | "2",
): Promise<void> {
  const { messageId } = message;
  const facts = {
    subscription: subscription.arn,
    messageId,
    attempts: failures + 1,
    reason: attempt.reason,
  };
  const target = deadLetterQueue(subscription);
  if (target === undefined || message.type !== "Notification")
    return log.warn("A notification could not be delivered, and is dropped.", facts);
  const body = await payload(subscription, message, version, signer);
  const problem = await queues.offer(target, body, {
    RequestID: { type: "String", text: messageId },
    ErrorCode: { type: "String", text: String(attempt.status ?? "ConnectionError") },
    ErrorMessage: { type: "String", text: attempt.reason },
  });
  if (problem === undefined) log.info("A notification went to its dead letter queue.", { ...facts, target });
  else
    log.error("A notification could not go to its dead letter queue, and is dropped.", {
      ...facts,
      target,
      problem,
    });
}

async function signatureVersion(store: ResourceStore, topicArn: string): Promise<"1" | "2"> {
  const topic = await store.get(TOPIC, topicArn.slice(topicArn.lastIndexOf(":") + 1));
  return topic?.spec.attributes.SignatureVersion === "2" ? "2" : "1";
}

function policyOf({ spec: { protocol, attributes } }: Subscription) {
  if (protocol === "sqs") return QUEUE_RETRIES;
  return attributes.DeliveryPolicy ? parseDeliveryPolicy(attributes.DeliveryPolicy) : HTTP_RETRIES;
}

function deadLetterQueue({ spec }: Subscription): string | undefined {
  const policy = spec.attributes.RedrivePolicy;
  return policy ? (JSON.parse(policy) as { deadLetterTargetArn: string }).deadLetterTargetArn : undefined;
}
