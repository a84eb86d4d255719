import { invalid } from "./errors.ts";

/** What is not the user's: Terraform and others overlook tags that begin so. */
const RESERVED = /^aws:/i;

/** Tags of a request as the store keeps them. */
export function tagsOf(
  tags: readonly { Key?: string | undefined; Value?: string | undefined }[] | undefined,
): Record<string, string> {
  const found = new Map<string, string>();
  for (const { Key = "", Value = "" } of tags ?? []) {
    if (RESERVED.test(Key)) throw invalid(`The tag key ${Key} begins with aws:, which is reserved.`);
    if (found.has(Key)) throw invalid(`Duplicate tag key: ${Key}.`);
    found.set(Key, Value);
  }
  return Object.fromEntries(found);
}
