/** The attributes of a queue that can be set: their limits as SQS has them, and what they are unless they are set. */
import { SqsError } from "./faults.ts";

type Attributes = Readonly<Record<string, string>>;

interface Attribute {
  readonly initial?: string;
  /** Only for FIFO queues. */
  readonly fifo?: true;
  /** The rule that a value breaks. */
  readonly wrong: (value: string) => string | undefined;
}

const whole = (initial: number, min: number, max: number): Attribute => ({
  initial: String(initial),
  wrong: (value) =>
    /^\d{1,7}$/.test(value) && Number(value) >= min && Number(value) <= max
      ? undefined
      : `It must be a whole number from ${min} to ${max}.`,
});
const oneOf = (initial: string, ...values: string[]): Attribute => ({
  initial,
  wrong: (value) => (values.includes(value) ? undefined : `It must be ${values.join(" or ")}.`),
});
const kept: Attribute = { wrong: () => undefined };

const SETTABLE: Readonly<Record<string, Attribute>> = {
  DelaySeconds: whole(0, 0, 900),
  MaximumMessageSize: whole(1_048_576, 1024, 1_048_576),
  MessageRetentionPeriod: whole(345_600, 60, 1_209_600),
  ReceiveMessageWaitTimeSeconds: whole(0, 0, 20),
  VisibilityTimeout: whole(30, 0, 43_200),
  RedrivePolicy: {
    wrong: (value) =>
      value === "" || parseRedrive(value)
        ? undefined
        : 'It must be {"deadLetterTargetArn": "the ARN of a queue here", "maxReceiveCount": 1 to 1000}.',
  },
  // kept and told back: nothing is authorized by policies, and nothing is encrypted with keys of KMS
  Policy: { wrong: (value) => (value === "" || isJsonObject(value) ? undefined : "It must be JSON.") },
  KmsMasterKeyId: kept,
  KmsDataKeyReusePeriodSeconds: { wrong: whole(300, 60, 86_400).wrong },
  SqsManagedSseEnabled: oneOf("false", "true", "false"),
  FifoQueue: { fifo: true, wrong: oneOf("", "true").wrong },
  ContentBasedDeduplication: { ...oneOf("false", "true", "false"), fifo: true },
  // high throughput FIFO would be a promise about speed that one machine has no use for
  DeduplicationScope: { ...oneOf("queue", "queue"), fifo: true },
  FifoThroughputLimit: { ...oneOf("perQueue", "perQueue"), fifo: true },
};

/** What GetQueueAttributes can tell besides what was set. */
export const COMPUTED = [
  "ApproximateNumberOfMessages",
  "ApproximateNumberOfMessagesDelayed",
  "ApproximateNumberOfMessagesNotVisible",
  "CreatedTimestamp",
  "LastModifiedTimestamp",
  "QueueArn",
] as const;

/** Whether a queue has an attribute of that name. */
export function isAttribute(name: string): boolean {
  return (
    Object.hasOwn(SETTABLE, name) || COMPUTED.some((one) => one === name) || name === "RedriveAllowPolicy"
  );
}

/** Throws unless all of them may be set so on such a queue. */
export function checkAttributes(attributes: Attributes, fifo: boolean): void {
  for (const [name, value] of Object.entries(attributes)) {
    const attribute = Object.hasOwn(SETTABLE, name) ? SETTABLE[name] : undefined;
    if (!attribute) throw new SqsError("InvalidAttributeName", `Unknown or unsupported Attribute ${name}.`);
    if (attribute.fifo && !fifo)
      throw new SqsError(
        "InvalidAttributeName",
        `Unknown Attribute ${name}. It is for FIFO queues, whose names end in .fifo.`,
      );
    const rule = attribute.wrong(value);
    if (rule) throw new SqsError("InvalidAttributeValue", `Invalid value for the parameter ${name}. ${rule}`);
  }
}

/** All attributes of a queue that have a value, set or not. */
export function withDefaults(set: Attributes, fifo: boolean): Attributes {
  const initial = Object.entries(SETTABLE).flatMap(([name, attribute]) =>
    attribute.initial !== undefined && (!attribute.fifo || fifo) ? [[name, attribute.initial] as const] : [],
  );
  return Object.fromEntries([...initial, ...Object.entries(set)].filter(([, value]) => value !== ""));
}

/** Where messages go that were received too often. */
export interface Redrive {
  readonly targetArn: string;
  readonly maxReceives: number;
}

/** A RedrivePolicy, or undefined when the text is none. */
export function parseRedrive(policy: string): Redrive | undefined {
  try {
    const { deadLetterTargetArn, maxReceiveCount } = JSON.parse(policy) as Record<string, unknown>;
    // older tools write the count as a text
    const count = Number(maxReceiveCount);
    if (typeof deadLetterTargetArn !== "string" || !/^arn:aws[a-z-]*:sqs:/.test(deadLetterTargetArn))
      return undefined;
    if (!Number.isInteger(count) || count < 1 || count > 1000) return undefined;
    return { targetArn: deadLetterTargetArn, maxReceives: count };
  } catch {
    return undefined;
  }
}

function isJsonObject(value: string): boolean {
  try {
    const parsed: unknown = JSON.parse(value);
    return typeof parsed === "object" && parsed !== null;
  } catch {
    return false;
  }
}
