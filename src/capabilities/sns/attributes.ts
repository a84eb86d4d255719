/** The attributes of topics and subscriptions that can be set, and their rules. */
import type { Account } from "../../base/arn.ts";
import { invalidParameter } from "./faults.ts";
import { parseJsonPattern } from "../../base/json-pattern.ts";
import { HTTP_RETRIES, parseDeliveryPolicy } from "./retry-policy.ts";

type Attributes = Readonly<Record<string, string>>;

const isOneOf =
  (...values: string[]) =>
  (value: string) =>
    values.includes(value) ? undefined : `it must be ${values.join(" or ")}`;
const isJson = (value: string) => (parse(value) ? undefined : "it must be a JSON object");
const anything = () => undefined;

const TOPIC_RULES: Readonly<Record<string, (value: string) => string | undefined>> = {
  DisplayName: (value) => (value.length <= 100 ? undefined : "it must have up to 100 characters"),
  SignatureVersion: isOneOf("1", "2"),
  // kept and told back: nothing is authorized by policies, and nothing is encrypted with keys of KMS
  Policy: isJson,
  KmsMasterKeyId: anything,
  FifoTopic: (value) => (value === "false" ? undefined : "FIFO topics are not supported by Tideway"),
};

/** Throws unless a topic may have that. */
export function checkTopicAttribute(name: string, value: string): void {
  const rule = Object.hasOwn(TOPIC_RULES, name) ? TOPIC_RULES[name] : undefined;
  if (!rule) throw invalidParameter(`AttributeName ${name} is not supported by Tideway`);
  const wrong = value === "" ? undefined : rule(value);
  if (wrong) throw invalidParameter(`Attributes Reason: ${name}: ${wrong}`);
}

/** Throws unless a subscription of that protocol may have all of them together. */
export function checkSubscriptionAttributes(
  attributes: Attributes,
  protocol: string,
  account: Account,
): void {
  for (const [name, value] of Object.entries(attributes)) {
    const wrong = SUBSCRIPTION_ATTRIBUTES.has(name)
      ? value && subscriptionRule(name, value, attributes, protocol, account)
      : "it is not supported by Tideway";
    if (wrong) throw invalidParameter(`Attributes Reason: ${name}: ${wrong}`);
  }
}

const SUBSCRIPTION_ATTRIBUTES: ReadonlySet<string> = new Set([
  "RawMessageDelivery",
  "FilterPolicyScope",
  "FilterPolicy",
  "DeliveryPolicy",
  "RedrivePolicy",
]);

function subscriptionRule(
  name: string,
  value: string,
  attributes: Attributes,
  protocol: string,
  account: Account,
): string | undefined {
  switch (name) {
    case "RawMessageDelivery":
      return isOneOf("true", "false")(value);
    case "FilterPolicyScope":
      return isOneOf("MessageAttributes", "MessageBody")(value);
    case "FilterPolicy":
      return failure(() => parseJsonPattern(value, attributes.FilterPolicyScope === "MessageBody"));
    case "DeliveryPolicy":
      return protocol === "sqs"
        ? "queues are tried again as AWS does it, which can not be changed"
        : failure(() => parseDeliveryPolicy(value));
    default: {
      // RedrivePolicy
      const { deadLetterTargetArn: target, ...rest } = parse(value) ?? {};
      return typeof target === "string" && Object.keys(rest).length === 0 && isQueueArn(target, account)
        ? undefined
        : 'it must be {"deadLetterTargetArn": "the ARN of a standard queue here"}';
    }
  }
}

/** Whether it is the ARN of a standard queue of this account. */
export function isQueueArn(arn: string, { region, accountId }: Account): boolean {
  const prefix = `arn:aws:sqs:${region}:${accountId}:`;
  return arn.startsWith(prefix) && /^[\w-]{1,80}$/.test(arn.slice(prefix.length));
}

/** What GetSubscriptionAttributes tells of retries. */
export function effectiveDeliveryPolicy({ DeliveryPolicy: own }: Attributes): string {
  return JSON.stringify({ healthyRetryPolicy: own ? parseDeliveryPolicy(own) : HTTP_RETRIES });
}

function failure(work: () => unknown): string | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

function parse(text: string): Record<string, unknown> | undefined {
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === "object" && parsed !== null ? (parsed as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
