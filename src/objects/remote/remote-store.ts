/** Objects on any S3 that speaks the protocol: AWS, MinIO, another Tideway. */
import type * as sdk from "@aws-sdk/client-s3";
import { type Clock, systemClock } from "../../base/clock.ts";
import {
  NoSuchObject,
  ObjectExists,
  type ObjectInfo,
  ObjectReplaced,
  type PartStore,
  type UploadedPart,
} from "../object-store.ts";
import { Deadlines } from "./deadlines.ts";
import { uploadStream } from "./upload-stream.ts";

export interface RemoteStoreOptions {
  /** For AWS itself, leave it out. */
  readonly endpoint?: string;
  readonly region: string;
  /** Left out, the SDK looks where it always does: environment, profile, instance role. */
  readonly credentials?: NonNullable<sdk.S3ClientConfig["credentials"]>;
  readonly forcePathStyle?: boolean;
  readonly clock?: Clock;
  /** How long the other side may be silent. */
  readonly idleMs?: number;
  /** How often a call is tried, and a download is resumed. */
  readonly attempts?: number;
}

/** A client of the S3 that the options name. The SDK is loaded here, so that servers without a remote S3 do not. */
export async function remoteS3Client(options: RemoteStoreOptions): Promise<sdk.S3Client> {
  const { S3Client } = await import("@aws-sdk/client-s3");
  const { endpoint, region, credentials, forcePathStyle, idleMs = IDLE_MS, attempts = ATTEMPTS } = options;
  return new S3Client({
    region,
    maxAttempts: attempts,
    requestHandler: { connectionTimeout: 5000, requestTimeout: idleMs, throwOnRequestTimeout: true },
    ...(endpoint !== undefined && { endpoint }),
    ...(credentials !== undefined && { credentials }),
    ...(forcePathStyle !== undefined && { forcePathStyle }),
  });
}

/** A store whose bytes are elsewhere. Nothing is asked of the other side before the first call. */
export function openRemoteStore(options: RemoteStoreOptions): PartStore {
  return new RemoteStore(options);
}

const IDLE_MS = 30_000;
const ATTEMPTS = 3;

class RemoteStore implements PartStore {
  readonly #options: RemoteStoreOptions;
  readonly #deadlines: Deadlines;
  readonly #attempts: number;
  /** Not every S3 knows conditional writes. */
  #takesConditions = true;
  #s3: Promise<{ readonly sdk: typeof sdk; readonly client: sdk.S3Client }> | undefined;

  constructor(options: RemoteStoreOptions) {
    this.#options = options;
    this.#deadlines = new Deadlines(options.clock ?? systemClock, options.idleMs ?? IDLE_MS);
    this.#attempts = options.attempts ?? ATTEMPTS;
  }

  async head(bucket: string, key: string): Promise<ObjectInfo> {
    const { sdk, client } = await this.#open();
    const command = new sdk.HeadObjectCommand({ Bucket: bucket, Key: key });
    return infoOf(key, await client.send(command).catch(missing(bucket, key)));
  }

  async get(
    bucket: string,
    key: string,
    signal?: AbortSignal,
    from?: { readonly etag: string; readonly offset: number },
  ) {
    if (from && from.offset > 0) {
      const info = await this.head(bucket, key);
      if (info.etag !== from.etag) throw new ObjectReplaced(bucket, key);
      const rest = from.offset < info.size ? await this.#rest(bucket, info, from.offset, signal) : nothing();
      return { info, body: this.#read(bucket, info, rest, signal, from.offset) };
    }
    const { sdk, client } = await this.#open();
    const IfMatch = from && `"${from.etag}"`;
    const command = new sdk.GetObjectCommand({ Bucket: bucket, Key: key, ...(IfMatch && { IfMatch }) });
    const first = await client.send(command, sending(signal)).catch(unread(bucket, key));
    const info = infoOf(key, first);
    // not every S3 keeps If-Match
    if (from && info.etag !== from.etag) throw new ObjectReplaced(bucket, key);
    return { info, body: this.#read(bucket, info, first.Body as AsyncIterable<Uint8Array>, signal) };
  }

  async put(
    bucket: string,
    key: string,
    body: AsyncIterable<Uint8Array> | Uint8Array,
    about: { contentType?: string; onlyNew?: boolean } = {},
  ): Promise<ObjectInfo> {
    const { client } = await this.#open();
    const type = about.contentType === undefined ? {} : { ContentType: about.contentType };
    const condition = about.onlyNew && this.#takesConditions ? { IfNoneMatch: "*" } : {};
    const target = { Bucket: bucket, Key: key, ...type, ...condition };
    await uploadStream(client, target, body).catch((error: unknown) => {
      if (statusOf(error) === 412) throw new ObjectExists(bucket, key);
      // the body is spent: whoever asks again is not held up by it
      if (condition.IfNoneMatch && statusOf(error) === 501) this.#takesConditions = false;
      return missing(bucket, key)(error);
    });
    return this.head(bucket, key);
  }

  async startUpload(bucket: string, key: string, about: { contentType?: string } = {}): Promise<string> {
    const { sdk, client } = await this.#open();
    const type = about.contentType === undefined ? {} : { ContentType: about.contentType };
    const command = new sdk.CreateMultipartUploadCommand({ Bucket: bucket, Key: key, ...type });
    const { UploadId } = await client.send(command).catch(missing(bucket, key));
    if (UploadId === undefined) throw new Error(`S3 gave no UploadId for s3://${bucket}/${key}`);
    return UploadId;
  }

  async putPart(
    bucket: string,
    key: string,
    upload: string,
    number: number,
    bytes: Uint8Array,
  ): Promise<UploadedPart> {
    const { sdk, client } = await this.#open();
    const part = { Bucket: bucket, Key: key, UploadId: upload, PartNumber: number, Body: bytes };
    const { ETag = "" } = await client.send(new sdk.UploadPartCommand(part)).catch(missing(bucket, key));
    return { number, etag: ETag.replaceAll('"', "") };
  }

  async completeUpload(
    bucket: string,
    key: string,
    upload: string,
    parts: readonly UploadedPart[],
  ): Promise<ObjectInfo> {
    const { sdk, client } = await this.#open();
    const Parts = parts.map(({ number, etag }) => ({ PartNumber: number, ETag: `"${etag}"` }));
    const target = { Bucket: bucket, Key: key, UploadId: upload, MultipartUpload: { Parts } };
    await client.send(new sdk.CompleteMultipartUploadCommand(target)).catch(missing(bucket, key));
    return this.head(bucket, key);
  }

  async abortUpload(bucket: string, key: string, upload: string): Promise<void> {
    const { sdk, client } = await this.#open();
    const command = new sdk.AbortMultipartUploadCommand({ Bucket: bucket, Key: key, UploadId: upload });
    await client.send(command).catch((error: unknown) => {
      if (statusOf(error) !== 404) throw error;
    });
  }

  async *list(bucket: string, prefix: string): AsyncIterable<ObjectInfo> {
    const { sdk, client } = await this.#open();
    let token: string | undefined;
    do {
      const input = {
        Bucket: bucket,
        Prefix: prefix,
        ...(token !== undefined && { ContinuationToken: token }),
      };
      const page = await client.send(new sdk.ListObjectsV2Command(input)).catch(missing(bucket));
      for (const { Key = "", Size, ETag, LastModified } of page.Contents ?? [])
        yield infoOf(Key, { ContentLength: Size, ETag, LastModified });
      token = page.IsTruncated ? page.NextContinuationToken : undefined;
    } while (token !== undefined);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const s3 = await this.#s3?.catch(() => undefined);
    s3?.client.destroy();
  }

  /** All bytes of one version, resumed where the connection broke; never fewer, more, or another version's. */
  async *#read(
    bucket: string,
    info: ObjectInfo,
    first: AsyncIterable<Uint8Array>,
    signal: AbortSignal | undefined,
    offset = 0,
  ): AsyncGenerator<Uint8Array> {
    let at = offset;
    let body = first;
    for (let attempt = 1; ; attempt++)
      try {
        for await (const chunk of this.#deadlines.watch(body)) {
          signal?.throwIfAborted();
          at += chunk.byteLength;
          if (at > info.size) break;
          yield chunk;
        }
        if (at === info.size) return;
        throw new Error(`s3://${bucket}/${info.key} gave ${at} bytes, not the ${info.size} that it has`);
      } catch (error) {
        if (signal?.aborted || attempt >= this.#attempts || at > info.size) throw error;
        body = await this.#rest(bucket, info, at, signal);
      }
  }

  async #rest(bucket: string, { key, etag, size }: ObjectInfo, at: number, signal: AbortSignal | undefined) {
    const { sdk, client } = await this.#open();
    const Range = `bytes=${at}-${size - 1}`;
    const command = new sdk.GetObjectCommand({ Bucket: bucket, Key: key, Range, IfMatch: `"${etag}"` });
    const { Body, ETag } = await client.send(command, sending(signal)).catch(unread(bucket, key));
    if (ETag?.replaceAll('"', "") !== etag) throw new ObjectReplaced(bucket, key);
    return Body as AsyncIterable<Uint8Array>;
  }

  async #open() {
    this.#s3 ??= (async () => ({
      sdk: await import("@aws-sdk/client-s3"),
      client: await remoteS3Client(this.#options),
    }))();
    return this.#s3;
  }
}

const sending = (signal: AbortSignal | undefined) => (signal ? { abortSignal: signal } : {});

async function* nothing(): AsyncGenerator<Uint8Array> {}

function infoOf(
  key: string,
  about: {
    ContentLength?: number | undefined;
    ETag?: string | undefined;
    LastModified?: Date | undefined;
    ContentType?: string | undefined;
  },
): ObjectInfo {
  const { ContentLength = 0, ETag = "", LastModified, ContentType: contentType } = about;
  return {
    key,
    size: ContentLength,
    etag: ETag.replaceAll('"', ""),
    modifiedAt: LastModified?.getTime() ?? 0,
    ...(contentType !== undefined && { contentType }),
  };
}

/** Turns what S3 says of a bucket or key that is not there into NoSuchObject. */
function missing(bucket: string, key?: string) {
  return (error: unknown): never => {
    if (statusOf(error) !== 404) throw error;
    const noBucket = key === undefined || (error as Error).name === "NoSuchBucket";
    throw new NoSuchObject(
      noBucket ? `There is no bucket "${bucket}".` : `There is no object "${key}" in the bucket "${bucket}".`,
      { cause: error },
    );
  };
}

/** Why a version of an object can not be read. */
function unread(bucket: string, key: string) {
  return (error: unknown): never => {
    if (statusOf(error) === 412) throw new ObjectReplaced(bucket, key);
    return missing(bucket, key)(error);
  };
}

function statusOf(error: unknown): number | undefined {
  return (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;
}
