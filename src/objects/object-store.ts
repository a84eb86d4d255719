/** What the platform itself asks of an object store: the embedded one on disk, or any remote S3. */
export interface ObjectInfo {
  readonly key: string;
  readonly size: number;
  /** Without quotes. */
  readonly etag: string;
  /** Milliseconds since the epoch. */
  readonly modifiedAt: number;
  /** Where it is known. */
  readonly contentType?: string;
}

export interface ObjectStore extends AsyncDisposable {
  /** Throws NoSuchObject. */
  head(bucket: string, key: string): Promise<ObjectInfo>;
  /** The object's bytes, from the version that `info` describes. Throws NoSuchObject. */
  get(
    bucket: string,
    key: string,
    signal?: AbortSignal,
  ): Promise<{ info: ObjectInfo; body: AsyncIterable<Uint8Array> }>;
  /** Visible only when whole and durable. */
  put(
    bucket: string,
    key: string,
    body: AsyncIterable<Uint8Array> | Uint8Array,
    about?: { contentType?: string },
  ): Promise<ObjectInfo>;
  /** All objects whose key starts with exactly `prefix`, in key order. Throws NoSuchObject when the bucket is missing. */
  list(bucket: string, prefix: string): AsyncIterable<ObjectInfo>;
}

/** The bucket or the key is not there; the message is a sentence for a FailureReason. */
export class NoSuchObject extends Error {
  override readonly name = "NoSuchObject";
}

/** `s3://bucket/key` in its parts; undefined for anything else. */
export function parseS3Uri(uri: string): { bucket: string; key: string } | undefined {
  const [, bucket, key = ""] = /^s3:\/\/([a-z0-9][a-z0-9._-]{1,61}[a-z0-9])(?:\/(.*))?$/s.exec(uri) ?? [];
  return bucket === undefined ? undefined : { bucket, key };
}
