/** A ManifestFile: a JSON list whose first entry names a prefix, and whose others go behind it. Pure. */
import { parseS3Uri } from "../../objects/object-store.ts";

/** Longer ones are not read: they are held whole. */
export const MANIFEST_LIMIT = 16 * 1024 ** 2;

export interface Manifest {
  readonly bucket: string;
  readonly prefix: string;
  /** Keys behind the prefix, as they stand in the manifest. */
  readonly entries: readonly string[];
}

/** The message ends a sentence that names the manifest. */
export class InvalidManifest extends Error {
  override readonly name = "InvalidManifest";
}

/** Throws InvalidManifest, which names the entry. */
export function parseManifest(text: string): Manifest {
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch (error) {
    throw new InvalidManifest(`is not JSON: ${(error as Error).message}`);
  }
  if (!Array.isArray(list)) throw new InvalidManifest("is not a JSON list");
  const [first, ...entries] = list as unknown[];
  const prefix = (first as { prefix?: unknown } | null | undefined)?.prefix;
  if (typeof prefix !== "string")
    throw new InvalidManifest('must have {"prefix": "s3://bucket/..."} as its first entry');
  const place = parseS3Uri(prefix);
  if (!place) throw new InvalidManifest(`has a prefix that is not of the form s3://bucket/...: ${prefix}`);
  const seen = new Map<string, number>();
  for (const [index, entry] of entries.entries()) {
    const number = index + 2;
    if (typeof entry !== "string" || entry === "")
      throw new InvalidManifest(`has an entry ${number} that is no text: ${JSON.stringify(entry)}`);
    const earlier = seen.get(entry);
    if (earlier !== undefined)
      throw new InvalidManifest(`has the entry ${number} twice, ${JSON.stringify(entry)}: see ${earlier}`);
    seen.set(entry, number);
  }
  return { bucket: place.bucket, prefix: place.key, entries: entries as string[] };
}
