/** The objects of a job, in the order in which they are worked on, and where their output goes. */
import type { CreateTransformJobRequest } from "@aws-sdk/client-sagemaker";
import { NoSuchObject, type ObjectInfo, type ObjectStore, parseS3Uri } from "../../objects/object-store.ts";
import { InvalidManifest, type Manifest, MANIFEST_LIMIT, parseManifest } from "./manifest.ts";
import { badManifest, JobFailure, noInput } from "./reasons.ts";

export interface InputObject {
  /** From 0 on, over all objects of the job. */
  readonly index: number;
  readonly bucket: string;
  readonly key: string;
  /** What of the key tells it from the others: its output is named after it. */
  readonly relative: string;
  /** Of the version that is to be read. */
  readonly etag: string;
  readonly size: number;
  /** Set when a manifest names an object that is not there. */
  readonly missing?: string;
}

/** How many entries of a manifest are looked up at once. */
const LOOKUPS = 16;

type Request = Pick<CreateTransformJobRequest, "TransformInput" | "TransformOutput">;

/** What a job reads: a prefix, or what its manifest names. */
export class InputObjects {
  readonly #objects: ObjectStore;
  readonly #uri: string;
  readonly #manifest: Manifest | undefined;
  readonly #prefix: { readonly bucket: string; readonly key: string };
  readonly #output: { readonly bucket: string; readonly key: string };
  readonly #createdAt: number;

  private constructor(objects: ObjectStore, request: Request, createdAt: number, manifest?: Manifest) {
    this.#objects = objects;
    this.#uri = request.TransformInput!.DataSource!.S3DataSource!.S3Uri!;
    this.#prefix = manifest ? { bucket: manifest.bucket, key: manifest.prefix } : parseS3Uri(this.#uri)!;
    this.#output = outputPlace(request, "");
    this.#createdAt = createdAt;
    this.#manifest = manifest;
  }

  /** Reads the manifest, where there is one. Throws JobFailure. */
  static async open(objects: ObjectStore, request: Request, createdAt: number): Promise<InputObjects> {
    const { S3DataType, S3Uri } = request.TransformInput!.DataSource!.S3DataSource!;
    if (S3DataType !== "ManifestFile") return new InputObjects(objects, request, createdAt);
    const { bucket, key } = parseS3Uri(S3Uri!)!;
    try {
      const { info, body } = await objects.get(bucket, key);
      if (info.size > MANIFEST_LIMIT)
        throw new InvalidManifest(`has ${info.size} bytes; at most ${MANIFEST_LIMIT} are read`);
      const text = Buffer.concat(await Array.fromAsync(body)).toString();
      return new InputObjects(objects, request, createdAt, parseManifest(text));
    } catch (error) {
      if (error instanceof InvalidManifest) throw new JobFailure(badManifest(S3Uri!, error.message));
      if (error instanceof NoSuchObject) throw new JobFailure(noInput(S3Uri!, error.message));
      throw error;
    }
  }

  /** As the request names it. */
  get uri(): string {
    return this.#uri;
  }

  /** The part that every key has in common. */
  get prefix(): string {
    const { bucket, key } = this.#prefix;
    return `s3://${bucket}/${this.#manifest ? key : folderOf(key)}`;
  }

  /** What of a key its output is named after: what is below the prefix, where that is a folder, else below its folder. */
  relative(key: string): string {
    const { key: prefix } = this.#prefix;
    if (this.#manifest) return key.slice(prefix.length);
    return key.slice(key.startsWith(`${prefix}/`) ? prefix.length + 1 : folderOf(prefix).length);
  }

  /** Throws JobFailure when the bucket is not there. */
  async *list(): AsyncGenerator<InputObject> {
    let index = 0;
    try {
      for await (const found of this.#manifest ? this.#named(this.#manifest) : this.#found())
        yield { index: index++, ...found };
    } catch (error) {
      if (error instanceof NoSuchObject) throw new JobFailure(noInput(this.#uri, error.message));
      throw error;
    }
  }

  async *#found(): AsyncGenerator<Omit<InputObject, "index">> {
    const { bucket, key: prefix } = this.#prefix;
    for await (const info of this.#objects.list(bucket, prefix)) {
      const { key, etag, size } = info;
      if ((key.endsWith("/") && size === 0) || this.#isOutput(info)) continue;
      yield { bucket, key, relative: this.relative(key), etag, size };
    }
  }

  async *#named({ bucket, prefix, entries }: Manifest): AsyncGenerator<Omit<InputObject, "index">> {
    for (let at = 0; at < entries.length; at += LOOKUPS)
      yield* await Promise.all(
        entries.slice(at, at + LOOKUPS).map(async (relative) => {
          const key = prefix + relative;
          try {
            const { etag, size } = await this.#objects.head(bucket, key);
            return { bucket, key, relative, etag, size };
          } catch (error) {
            if (!(error instanceof NoSuchObject)) throw error;
            return { bucket, key, relative, etag: "", size: 0, missing: error.message };
          }
        }),
      );
  }

  /** What the job itself writes is not its input, where its output goes below its input. */
  #isOutput({ key, modifiedAt }: ObjectInfo): boolean {
    const { bucket, key: prefix } = this.#output;
    const ours = this.#prefix.bucket === bucket && key.startsWith(prefix);
    return ours && /\.(out|err\.jsonl)$/.test(key) && modifiedAt >= Math.floor(this.#createdAt / 1000) * 1000;
  }
}

/** Where the output of an object goes: AWS adds `.out` to what tells the object from others. */
export function outputPlace(
  { TransformOutput }: Pick<CreateTransformJobRequest, "TransformOutput">,
  relative: string,
): { bucket: string; key: string } {
  const { bucket, key } = parseS3Uri(TransformOutput!.S3OutputPath!)!;
  const folder = key.replace(/\/+$/, "");
  return { bucket, key: folder ? `${folder}/${relative}` : relative };
}

/** Up to the last slash. */
const folderOf = (prefix: string) => prefix.slice(0, prefix.lastIndexOf("/") + 1);
