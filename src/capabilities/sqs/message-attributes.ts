/** The attributes of messages: checked, kept, told, and the digest by which SDKs check them. */
import { createHash } from "node:crypto";
import type { MessageAttributeValue } from "@aws-sdk/client-sqs";
import { invalidParameter } from "./faults.ts";

/** One attribute as it is kept; binary values in base64. */
export interface StoredAttribute {
  readonly type: string;
  readonly text?: string;
  readonly binary?: string;
}
export type StoredAttributes = Readonly<Record<string, StoredAttribute>>;

/** How many a message may have. */
export const MOST_ATTRIBUTES = 10;
const NAME = /^(?!\.)(?!.*\.\.)(?!(?:aws|amazon)\.)[A-Za-z0-9_.-]{1,256}(?<!\.)$/i;
const TYPE = /^(String|Number|Binary)(\..+)?$/;
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;

/** Throws InvalidParameterValue unless SQS would take them. */
export function readAttributes(
  given: Readonly<Record<string, MessageAttributeValue>> = {},
): StoredAttributes {
  const entries = Object.entries(given);
  if (entries.length > MOST_ATTRIBUTES)
    throw invalidParameter(
      `Number of message attributes [${entries.length}] exceeds the allowed maximum [${MOST_ATTRIBUTES}].`,
    );
  return Object.fromEntries(entries.map(([name, value]) => [name, readAttribute(name, value)]));
}

function readAttribute(name: string, given: MessageAttributeValue): StoredAttribute {
  const { DataType: type = "", StringValue: text, BinaryValue: binary } = given;
  const wrong = (why: string) => invalidParameter(`The message attribute '${name.slice(0, 256)}' ${why}.`);
  if (!NAME.test(name)) throw wrong("has a name that is not allowed: letters, digits, _ - and single dots");
  const base = TYPE.exec(type)?.[1];
  if (!base || type.length > 256)
    throw wrong("must have a DataType that begins with String, Number or Binary");
  if (given.StringListValues?.length || given.BinaryListValues?.length)
    throw wrong("has a list of values, which SQS does not support");
  if (base === "Binary") {
    if (text !== undefined || !binary?.byteLength)
      throw wrong("of type Binary must have a BinaryValue and nothing else");
    return { type, binary: Buffer.from(binary).toString("base64") };
  }
  if (binary !== undefined || !text) throw wrong(`of type ${base} must have a StringValue and nothing else`);
  if (base === "Number" && !NUMBER.test(text)) throw wrong("of type Number must have a number as its value");
  return { type, text };
}

/** As SDKs know it. */
export function tellAttributes(stored: StoredAttributes): Record<string, MessageAttributeValue> {
  return Object.fromEntries(
    Object.entries(stored).map(([name, { type, text, binary }]) => [
      name,
      {
        DataType: type,
        ...(text !== undefined && { StringValue: text }),
        ...(binary !== undefined && { BinaryValue: Buffer.from(binary, "base64") }),
      },
    ]),
  );
}

/** Those that a receiver asked for: `All`, `.*`, names, or beginnings of names such as `trace.*`. */
export function chosenAttributes(stored: StoredAttributes, wanted: readonly string[]): StoredAttributes {
  const chosen = (name: string) =>
    wanted.some(
      (one) => one === "All" || one === name || (one.endsWith(".*") && name.startsWith(one.slice(0, -2))),
    );
  return Object.fromEntries(Object.entries(stored).filter(([name]) => chosen(name)));
}

/** What they count in the size of a message. */
export function attributeBytes(stored: StoredAttributes): number {
  return Object.entries(stored).reduce(
    (sum, [name, { type, text, binary }]) =>
      sum + Buffer.byteLength(name + type + (text ?? "")) + Buffer.byteLength(binary ?? "", "base64"),
    0,
  );
}

/**
 * MD5 over name, type and value of each, in the order of their names: how SDKs find out that SQS has what they sent.
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html
 */
export function attributeDigest(stored: StoredAttributes): string | undefined {
  const names = Object.keys(stored).sort();
  if (!names.length) return undefined;
  const hash = createHash("md5");
  const put = (bytes: Buffer) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    hash.update(length).update(bytes);
  };
  for (const name of names) {
    const { type, text, binary } = stored[name]!;
    put(Buffer.from(name));
    put(Buffer.from(type));
    hash.update(Buffer.of(binary === undefined ? 1 : 2));
    put(binary === undefined ? Buffer.from(text ?? "") : Buffer.from(binary, "base64"));
  }
  return hash.digest("hex");
}
