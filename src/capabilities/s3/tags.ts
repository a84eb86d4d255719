/** Tags of objects and buckets, and their limits. */
import { Fault } from "../../wire/http.ts";
import { invalidArgument, malformedXml } from "./faults.ts";

export type Tags = Readonly<Record<string, string>>;

export const OBJECT_TAGS = 10;
export const BUCKET_TAGS = 50;

/** From the `x-amz-tagging` header: `a=1&b=2`. */
export function tagsOfHeader(header: string | undefined): Tags {
  if (!header) return {};
  const pairs = [...new URLSearchParams(header)];
  if (new Set(pairs.map(([key]) => key)).size < pairs.length)
    throw invalidArgument(
      "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name duplicates.",
      "x-amz-tagging",
      header,
    );
  return checked(pairs, OBJECT_TAGS);
}

/** From the body of a Put…Tagging. */
export function tagsOfSet(set: readonly { Key?: string; Value?: string }[] | undefined, most: number): Tags {
  const pairs = (set ?? []).map(({ Key, Value }): [string, string] => {
    if (Key === undefined || Value === undefined) throw malformedXml();
    return [Key, Value];
  });
  if (new Set(pairs.map(([key]) => key)).size < pairs.length)
    throw invalidTag("Cannot provide multiple Tags with the same key");
  return checked(pairs, most);
}

export function tagSet(tags: Tags): { Key: string; Value: string }[] {
  return Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
}

function checked(pairs: readonly (readonly [string, string])[], most: number): Tags {
  if (pairs.length > most)
    throw new Fault(
      "BadRequest",
      `${most === OBJECT_TAGS ? "Object" : "Bucket"} tags cannot be greater than ${most}`,
      400,
    );
  for (const [key, value] of pairs) {
    if (!fits(key, 1, 128)) throw invalidTag("The TagKey you have provided is invalid", key);
    if (!fits(value, 0, 256)) throw invalidTag("The TagValue you have provided is invalid", value);
    if (/^aws:/i.test(key)) throw invalidTag("System tags cannot be added/updated by requester", key);
  }
  return Object.fromEntries(pairs);
}

function fits(text: string, least: number, most: number): boolean {
  return text.length >= least && text.length <= most && /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u.test(text);
}

const invalidTag = (message: string, TagKey?: string) =>
  new Fault("InvalidTag", message, 400, TagKey === undefined ? {} : { TagKey });
