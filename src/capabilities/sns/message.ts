/** A message on its way to subscribers, as it is kept, and as it is told in SNS's JSON. */
import type { MessageAttributeValue } from "@aws-sdk/client-sns";
import { invalidParameter } from "./faults.ts";

/** One attribute; binary values in base64. */
export interface StoredAttribute {
  readonly type: string;
  readonly text?: string;
  readonly binary?: string;
}
export type StoredAttributes = Readonly<Record<string, StoredAttribute>>;

export interface StoredMessage {
  readonly type: "Notification" | "SubscriptionConfirmation";
  readonly messageId: string;
  readonly topicArn: string;
  readonly subject?: string | undefined;
  /** By protocol; `default` for those that have none of their own. */
  readonly bodies: Readonly<Record<string, string>>;
  readonly attributes: StoredAttributes;
  readonly publishedAt: number;
}

const NAME = /^(?!\.)(?!.*\.\.)(?!(?:aws|amazon)\.)[A-Za-z0-9_.-]{1,256}(?<!\.)$/i;
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;
const LARGEST = 262_144;

/** What a publisher gives. */
export interface Publication {
  readonly message: string;
  readonly subject?: string | undefined;
  readonly structure?: string | undefined;
  readonly attributes?: Readonly<Record<string, MessageAttributeValue>> | undefined;
}

/** The parts of a message that its publisher decides; throws InvalidParameter. */
export function readPublication({
  message,
  subject,
  structure,
  attributes = {},
}: Publication): Pick<StoredMessage, "subject" | "bodies" | "attributes"> {
  if (message === "") throw invalidParameter("Empty message");
  // oxlint-disable-next-line no-control-regex
  if (subject !== undefined && !/^[^\u0000-\u001f\u007f]{1,100}$/u.test(subject))
    throw invalidParameter(
      "Subject: it must have 1 to 100 characters, no line breaks and no control characters",
    );
  const read = Object.fromEntries(
    Object.entries(attributes).map(([name, value]) => [name, readAttribute(name, value)]),
  );
  const bytes = Object.entries(read).reduce(
    (sum, [name, { type, text = "", binary = "" }]) =>
      sum + Buffer.byteLength(name + type + text) + Buffer.byteLength(binary, "base64"),
    Buffer.byteLength(message),
  );
  if (bytes > LARGEST)
    throw invalidParameter(`Message too long: ${bytes} bytes; up to ${LARGEST} are allowed`);
  return { subject, bodies: readBodies(message, structure), attributes: read };
}

function readBodies(message: string, structure: string | undefined): Record<string, string> {
  if (structure === undefined) return { default: message };
  if (structure !== "json") throw invalidParameter("MessageStructure: json is the only one");
  let parsed: unknown;
  try {
    parsed = JSON.parse(message);
  } catch {
    throw invalidParameter("Message Structure - JSON message body failed to parse");
  }
  const texts = Object.entries(parsed ?? {}).filter(
    (entry): entry is [string, string] => typeof entry[1] === "string",
  );
  const bodies = Object.fromEntries(texts);
  if (!bodies.default) throw invalidParameter("Message Structure - No default entry in JSON message body");
  return bodies;
}

function readAttribute(
  name: string,
  { DataType: type, StringValue: text, BinaryValue: binary }: MessageAttributeValue,
): StoredAttribute {
  const wrong = (why: string) => invalidParameter(`The message attribute '${name.slice(0, 256)}' ${why}`);
  if (!NAME.test(name)) throw wrong("has a name that is not allowed: letters, digits, _ - and single dots");
  if (type === "Binary") {
    if (!binary?.byteLength || text !== undefined)
      throw wrong("of type Binary must have a BinaryValue and nothing else");
    return { type, binary: Buffer.from(binary).toString("base64") };
  }
  if (type !== "String" && type !== "Number" && type !== "String.Array")
    throw wrong("must have the DataType String, String.Array, Number or Binary");
  if (!text || binary !== undefined) throw wrong(`of type ${type} must have a StringValue and nothing else`);
  if (type === "Number" && !NUMBER.test(text)) throw wrong("of type Number must have a number as its value");
  if (type === "String.Array" && !Array.isArray(parsed(text)))
    throw wrong("of type String.Array must have a JSON array as its value");
  return { type, text };
}

/** What a filter policy looks at: attributes, or the body as JSON. */
export function filterValues(
  { attributes, bodies }: Pick<StoredMessage, "attributes" | "bodies">,
  scope: string,
): unknown {
  if (scope === "MessageBody") return parsed(bodies.default ?? "");
  return Object.fromEntries(
    Object.entries(attributes).map(([name, { type, text = "" }]) => [
      name,
      type === "Number"
        ? Number(text)
        : type === "String.Array"
          ? parsed(text)
          : type === "Binary"
            ? []
            : text,
    ]),
  );
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
