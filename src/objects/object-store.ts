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
  /**
   * The object's bytes, from the version that `info` describes. With `from` only that version's, behind the first
   * `offset` bytes. Throws NoSuchObject, ObjectReplaced.
   */
  get(
    bucket: string,
    key: string,
    signal?: AbortSignal,
    from?: { readonly etag: string; readonly offset: number },
  ): Promise<{ info: ObjectInfo; body: AsyncIterable<Uint8Array> }>;
  /**
   * Visible only when whole and durable. `onlyNew`: throws ObjectExists, and changes nothing, where there is an object by
   * then; a remote S3 that can not tell replaces it.
   */
  put(
    bucket: string,
    key: string,
    body: AsyncIterable<Uint8Array> | Uint8Array,
    about?: { contentType?: string; onlyNew?: boolean },
  ): Promise<ObjectInfo>;
  /** All objects whose key starts with exactly `prefix`, in key order. Throws NoSuchObject when the bucket is missing. */
  list(bucket: string, prefix: string): AsyncIterable<ObjectInfo>;
}

/** A part of an object to be, as it is named when that is completed. */
export interface UploadedPart {
  readonly number: number;
  /** Without quotes. */
  readonly etag: string;
}

/**
 * An object store that takes large objects in parts, which stay whatever becomes of the process, until the upload is
 * completed or aborted. All but the last have 5 MiB or more.
 */
export interface PartStore extends ObjectStore {
  /** The id of a new upload. Throws NoSuchObject when the bucket is missing. */
  startUpload(bucket: string, key: string, about?: { contentType?: string }): Promise<string>;
  /** Durable when it resolves; in the place of an earlier part of that number. Throws NoSuchObject when the upload is gone. */
  putPart(
    bucket: string,
    key: string,
    upload: string,
    number: number,
    bytes: Uint8Array,
  ): Promise<UploadedPart>;
  /** Makes these parts the object, in this order; may be asked again. Throws NoSuchObject when the upload is gone. */
  completeUpload(
    bucket: string,
    key: string,
    upload: string,
    parts: readonly UploadedPart[],
  ): Promise<ObjectInfo>;
  /** Forgets an upload, and its parts. One that is gone is no error. */
  abortUpload(bucket: string, key: string, upload: string): Promise<void>;
}

/** What was to be read is not there any more: another version took its place. The message is a sentence. */
export class ObjectReplaced extends Error {
  override readonly name = "ObjectReplaced";
  constructor(bucket: string, key: string) {
    super(`The object "${key}" in the bucket "${bucket}" was replaced meanwhile.`);
  }
}

/** Another put the object before, and its own stays. The message is a sentence. */
export class ObjectExists extends Error {
  override readonly name = "ObjectExists";
  constructor(bucket: string, key: string) {
    super(`There is an object "${key}" in the bucket "${bucket}" already.`);
  }
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
