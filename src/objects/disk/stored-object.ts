/** What the embedded store remembers beside the bytes. */
import type { ObjectInfo } from "../object-store.ts";

export interface Bucket {
  readonly name: string;
  readonly createdAt: number;
  /** The region it was asked for in. */
  readonly location: string;
  readonly tags: Readonly<Record<string, string>> | undefined;
}

/** A checksum beside the MD5: base64, of a composite one with `-` and the number of parts. */
export interface Checksum {
  readonly algorithm: string;
  readonly type: "COMPOSITE" | "FULL_OBJECT";
  readonly value: string;
}

/** What a client said about an object and gets back with it. */
export interface About {
  /** Plain data: content type and the like, user metadata. */
  readonly headers: Readonly<Record<string, unknown>>;
  readonly tags: Readonly<Record<string, string>>;
  readonly checksum?: Checksum | undefined;
}

export interface StoredObject extends ObjectInfo {
  readonly bucket: string;
  /** Which bytes: differs between two writes of the same key; of a multipart object the upload's id. */
  readonly content: string;
  readonly about: About;
}

export interface Part {
  readonly number: number;
  readonly file: string;
  readonly size: number;
  /** Hex. */
  readonly md5: string;
  /** Base64, by the upload's algorithm. */
  readonly checksum: string | null;
  readonly modifiedAt: number;
}

export interface Upload {
  readonly id: string;
  readonly bucket: string;
  readonly key: string;
  readonly createdAt: number;
  readonly about: About & { readonly checksumType?: Checksum["type"]; readonly algorithm?: string };
}

export interface ObjectRow {
  readonly bucket: string;
  readonly key: string;
  readonly content: string;
  readonly size: number;
  readonly etag: string;
  readonly modified_at: number;
  readonly about: string;
}

export function objectOf({ modified_at: modifiedAt, about: text, ...rest }: ObjectRow): StoredObject {
  const about = JSON.parse(text) as About;
  const { ContentType: contentType } = about.headers;
  return { ...rest, modifiedAt, about, ...(typeof contentType === "string" && { contentType }) };
}
