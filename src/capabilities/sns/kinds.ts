import { defineKind } from "../../state/resource.ts";

/** A topic: the attributes that were set, as SNS writes them. */
export interface TopicSpec {
  readonly attributes: Readonly<Record<string, string>>;
}

export const TOPIC = defineKind<TopicSpec, { readonly state: "Active" }>({
  name: "topic",
  arrows: { Active: [] },
});

/** A subscription; it belongs to its topic. */
export interface SubscriptionSpec {
  readonly topicArn: string;
  readonly protocol: "http" | "https" | "sqs";
  /** A URL, or the ARN of a queue. */
  readonly endpoint: string;
  readonly attributes: Readonly<Record<string, string>>;
  /** Where the subscriber reaches this server: the host that whoever subscribed it used. */
  readonly serverUrl: string;
  /** Who knows it may confirm the subscription, or end it. */
  readonly token: string;
  /** When that token was sent out to be confirmed with. */
  readonly askedAt: number;
  readonly principal: string;
}

export const SUBSCRIPTION = defineKind<
  SubscriptionSpec,
  { readonly state: "PendingConfirmation" | "Confirmed" }
>({
  name: "subscription",
  arrows: { PendingConfirmation: ["Confirmed"], Confirmed: [] },
});
