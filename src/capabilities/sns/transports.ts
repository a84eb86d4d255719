/** How one message is brought to one subscriber. */
import type { Clock } from "../../base/clock.ts";
import type { Resource } from "../../state/resource.ts";
import { bodyFor, envelope } from "./envelope.ts";
import type { SubscriptionSpec } from "./kinds.ts";
import type { StoredAttributes, StoredMessage } from "./message.ts";
import { type Attempt, post } from "../../base/webhook.ts";
import type { NotificationSigner } from "./signer.ts";

export type Subscription = Resource<
  SubscriptionSpec,
  { readonly state: "PendingConfirmation" | "Confirmed" }
>;

/** Queues as a topic needs them. */
export interface QueuePort {
  /** Resolves once the message is in the queue for good, or with why it never will be. */
  offer(queueArn: string, body: string, attributes: StoredAttributes): Promise<string | undefined>;
}

export interface TransportPorts {
  readonly queues: QueuePort;
  readonly signer: NotificationSigner;
  readonly clock: Clock;
}

/** Brings it there, or says why not. */
export async function transport(
  subscription: Subscription,
  message: StoredMessage,
  signatureVersion: "1" | "2",
  { queues, signer, clock }: TransportPorts,
  signal: AbortSignal,
): Promise<Attempt> {
  const { protocol, endpoint } = subscription.spec;
  const raw = isRaw(subscription) && message.type === "Notification";
  const body = await payload(subscription, message, signatureVersion, signer);
  if (protocol === "sqs") {
    const reason = await queues.offer(endpoint, body, raw ? message.attributes : {});
    return reason === undefined ? { kind: "delivered" } : { kind: "refused", reason };
  }
  const headers = {
    "content-type": "text/plain; charset=UTF-8",
    "user-agent": "Amazon Simple Notification Service Agent",
    "x-amz-sns-message-type": message.type,
    "x-amz-sns-message-id": message.messageId,
    "x-amz-sns-topic-arn": message.topicArn,
    ...(message.type === "Notification" && { "x-amz-sns-subscription-arn": subscription.arn }),
    ...(raw && { "x-amz-sns-rawdelivery": "true" }),
  };
  return post(endpoint, headers, body, clock, signal);
}

/** What the subscriber gets, and what goes to the dead letter queue in its place. */
export function payload(
  subscription: Subscription,
  message: StoredMessage,
  signatureVersion: "1" | "2",
  signer: NotificationSigner,
): Promise<string> | string {
  const { protocol, serverUrl, token } = subscription.spec;
  if (isRaw(subscription) && message.type === "Notification") return bodyFor(message, protocol);
  const recipient = { protocol, serverUrl, token, signatureVersion, subscriptionArn: subscription.arn };
  return envelope(message, recipient, signer);
}

const isRaw = ({ spec }: Subscription) => spec.attributes.RawMessageDelivery === "true";
