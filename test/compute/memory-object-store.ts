import { createHash } from "node:crypto";

import { NoSuchObject, type ObjectInfo, type ObjectStore } from "../../src/objects/object-store.ts";

/** Objects in memory, with counts of what was asked, and a gate that holds answers back. */
export class MemoryObjectStore implements ObjectStore {
  readonly objects = new Map<string, Buffer>();
  readonly gets: string[] = [];
  /** While set, the second chunk of an object waits for it. */
  gate: Promise<void> | undefined;

  add(key: string, content: Buffer | string): void {
    this.objects.set(key, Buffer.from(content));
  }

  async head(bucket: string, key: string): Promise<ObjectInfo> {
    return this.#info(bucket, key).info;
  }

  async get(
    bucket: string,
    key: string,
    signal?: AbortSignal,
  ): Promise<{ info: ObjectInfo; body: AsyncIterable<Uint8Array> }> {
    const { info, content } = this.#info(bucket, key);
    this.gets.push(key);
    const gate = () => this.gate;
    async function* body() {
      const half = Math.ceil(content.length / 2);
      yield content.subarray(0, half);
      await gate();
      signal?.throwIfAborted();
      yield content.subarray(half);
    }
    return { info, body: body() };
  }

  async put(): Promise<ObjectInfo> {
    throw new Error("not needed here");
  }

  async *list(bucket: string, prefix: string): AsyncIterable<ObjectInfo> {
    if (bucket !== "bucket") throw new NoSuchObject(`There is no bucket ${bucket}.`);
    for (const key of [...this.objects.keys()].sort())
      if (key.startsWith(prefix)) yield this.#info(bucket, key).info;
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  #info(bucket: string, key: string): { info: ObjectInfo; content: Buffer } {
    const content = bucket === "bucket" ? this.objects.get(key) : undefined;
    if (!content) throw new NoSuchObject(`There is no object ${key} in the bucket ${bucket}.`);
    const etag = createHash("md5").update(content).digest("hex");
    return { info: { key, size: content.length, etag, modifiedAt: 0 }, content };
  }
}
