/** What of a request is kept with the object and given back with it, and what is refused because it would be ignored. */
import type * as sdk from "@aws-sdk/client-s3";
import type { About, StoredObject } from "../../objects/disk/stored-object.ts";
import { Fault } from "../../wire/http.ts";
import { invalidRequest, notImplemented } from "./faults.ts";

const TEXTS = [
  "CacheControl",
  "ContentDisposition",
  "ContentEncoding",
  "ContentLanguage",
  "ContentType",
  "StorageClass",
  "WebsiteRedirectLocation",
] as const;

type Headers = { readonly [Name in (typeof TEXTS)[number]]?: string | undefined } & {
  readonly Expires?: Date | undefined;
  readonly Metadata?: Readonly<Record<string, string>> | undefined;
};

const METADATA_LIMIT = 2048;

/** The headers to keep, as plain data. Throws MetadataTooLarge above 2 KB of user metadata. */
export function headersToKeep(input: Headers): About["headers"] {
  const kept: Record<string, unknown> = {};
  for (const name of TEXTS) if (input[name] !== undefined) kept[name] = input[name];
  if (kept.StorageClass === "STANDARD") delete kept.StorageClass;
  if (input.Expires) kept.Expires = input.Expires.getTime();
  const metadata = Object.entries(input.Metadata ?? {});
  const size = metadata.reduce(
    (sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value),
    0,
  );
  if (size > METADATA_LIMIT)
    throw new Fault(
      "MetadataTooLarge",
      "Your metadata headers exceed the maximum allowed metadata size",
      400,
      {
        Size: String(size),
        MaxSizeAllowed: String(METADATA_LIMIT),
      },
    );
  if (metadata.length) kept.Metadata = input.Metadata;
  return kept;
}

/** What GET and HEAD say of an object. */
export function describe({ about, etag, modifiedAt }: StoredObject) {
  const { Expires, ...headers } = about.headers as Omit<Headers, "Expires"> & { Expires?: number };
  const tags = Object.keys(about.tags).length;
  return {
    // a response without a type is a browser's to guess
    ContentType: "binary/octet-stream",
    ...(headers as object),
    ...(Expires !== undefined && { Expires: new Date(Expires) }),
    ...(tags && { TagCount: tags }),
    AcceptRanges: "bytes",
    ETag: `"${etag}"`,
    LastModified: new Date(modifiedAt),
  };
}

/** What lists and attributes call it; GET and HEAD name only others than STANDARD. */
export function storageClassOf({ about }: StoredObject): sdk.StorageClass {
  return (about.headers.StorageClass as sdk.StorageClass | undefined) ?? "STANDARD";
}

interface Unsupported {
  readonly ACL?: string | undefined;
  readonly GrantFullControl?: string | undefined;
  readonly GrantRead?: string | undefined;
  readonly GrantReadACP?: string | undefined;
  readonly GrantWriteACP?: string | undefined;
  readonly SSECustomerAlgorithm?: string | undefined;
  readonly ObjectLockMode?: string | undefined;
  readonly ObjectLockLegalHoldStatus?: string | undefined;
  readonly WriteOffsetBytes?: number | undefined;
}

/** Throws for what a client may rely on and this store has not: keys of the client's own, access lists, locks. */
export function refuseUnsupported(input: Unsupported): void {
  if (input.SSECustomerAlgorithm !== undefined)
    throw notImplemented("x-amz-server-side-encryption-customer-algorithm");
  if (input.WriteOffsetBytes !== undefined) throw notImplemented("x-amz-write-offset-bytes");
  if (input.ObjectLockMode !== undefined || input.ObjectLockLegalHoldStatus !== undefined)
    throw invalidRequest("Bucket is missing Object Lock Configuration");
  const granted = input.GrantFullControl ?? input.GrantRead ?? input.GrantReadACP ?? input.GrantWriteACP;
  const harmless = input.ACL === undefined || /^(private|bucket-owner-full-control)$/.test(input.ACL);
  // as a bucket of S3 with the default ownership setting says
  if (granted !== undefined || !harmless)
    throw new Fault("AccessControlListNotSupported", "The bucket does not allow ACLs", 400);
}
