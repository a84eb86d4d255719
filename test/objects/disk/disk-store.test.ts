import { appendFile, mkdir, mkdtemp, readdir, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { DiskStore } from "../../../src/objects/disk/disk-store.ts";
import { openTestStore } from "../../capabilities/s3/s3-server.ts";
import { collected, objectStoreContract } from "../object-store-contract.ts";

const refuse = () => {
  throw new Error("no");
};

objectStoreContract("the disk store", async () => {
  const dir = await mkdtemp(join(tmpdir(), "tideway-objects-"));
  const store = openTestStore(dir);
  return {
    store,
    createBucket: async (name) => void store.createBucket(name, "us-east-1"),
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]();
      await rm(dir, { recursive: true });
    },
  };
});

describe("the disk store", () => {
  let dir: string;
  let store: DiskStore;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), "tideway-objects-"));
    store = openTestStore(dir);
    store.createBucket("bucket", "us-east-1");
  });
  afterEach(async () => {
    await store[Symbol.asyncDispose]();
    await rm(dir, { recursive: true });
  });

  async function files(): Promise<string[]> {
    const entries = await readdir(join(dir, "files"), { recursive: true, withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  }
  const reopen = async () => {
    await store[Symbol.asyncDispose]();
    store = openTestStore(dir);
  };

  test("has everything after it was closed and opened", async () => {
    await store.put("bucket", "kept", Buffer.from("bytes"), { contentType: "a/b" });
    await reopen();
    const { body, info } = await store.get("bucket", "kept");
    expect((await collected(body)).toString()).toBe("bytes");
    expect(store.object("bucket", "kept")).toMatchObject({
      ...info,
      about: { headers: { ContentType: "a/b" } },
    });
  });

  test("refuses a folder that is open", () => {
    expect(() => openTestStore(dir)).toThrow(/can't open .*index.sqlite: it is in use by another process/);
  });

  test("refuses an index that a newer version wrote, and what is none", async () => {
    const other = join(dir, "other");
    await mkdir(other);
    const db = new DatabaseSync(join(other, "index.sqlite"));
    db.exec("PRAGMA user_version = 99");
    db.close();
    expect(() => openTestStore(other)).toThrow(
      "was written by a newer Tideway (schema 99; this one knows up to 1)",
    );
    await writeFile(join(other, "index.sqlite"), "this is not a database, whatever else it may be");
    expect(() => openTestStore(other)).toThrow(/is damaged .*not a database/);
  });

  test("removes at its start what a crash left: half a body, a file without a row, garbage", async () => {
    await store.put("bucket", "kept", Buffer.from("kept"));
    const [kept] = await files();
    await store[Symbol.asyncDispose]();
    await writeFile(join(dir, "files", "tmp", "half"), "half");
    await writeFile(join(dir, "files", "ab", "ab00"), "renamed, not committed");
    await writeFile(join(dir, "open"), ""); // what a process that is killed leaves
    store = openTestStore(dir);
    await expect.poll(files).toEqual([kept]);
    expect((await collected((await store.get("bucket", "kept")).body)).toString()).toBe("kept");
  });

  test("lets go of a file when its last reader has, or gives up", async () => {
    await store.put("bucket", "read", Buffer.alloc(1 << 20, "a"));
    const finished = await store.get("bucket", "read");
    const left = await store.get("bucket", "read");
    const untouched = await store.get("bucket", "read");
    const stop = new AbortController();
    await store.get("bucket", "read", stop.signal); // never read
    store.remove("bucket", "read");
    expect((await collected(finished.body)).byteLength).toBe(1 << 20);
    for await (const chunk of left.body) if (chunk.byteLength) break;
    await untouched.body[Symbol.asyncIterator]().return?.();
    expect(await files()).toHaveLength(1);
    stop.abort();
    await expect.poll(files).toEqual([]);
  });

  test("gives a copy its own life, though the bytes are there once", async () => {
    await store.put("bucket", "from", Buffer.from("shared"));
    const from = store.object("bucket", "from")!;
    store.copy(from, "bucket", "to", from.about);
    expect(await files()).toHaveLength(1);
    store.remove("bucket", "from");
    expect((await collected((await store.get("bucket", "to")).body)).toString()).toBe("shared");
    store.remove("bucket", "to");
    await expect.poll(files).toEqual([]);
  });

  test("tells of a file that is shorter than it was, instead of a shorter object", async () => {
    await store.put("bucket", "damaged", Buffer.from("0123456789"));
    const [file] = await files();
    await truncate(file!, 4);
    await expect(collected((await store.get("bucket", "damaged")).body)).rejects.toThrow(
      "shorter than it was",
    );
    await appendFile(file!, "456789 and more");
    expect((await collected((await store.get("bucket", "damaged")).body)).toString()).toBe("0123456789");
  });

  test("a write whose condition fails, or whose bucket went meanwhile, leaves nothing", async () => {
    const about = { headers: {}, tags: {} };
    {
      await using staged = await store.stage(chunksOf("bytes"));
      expect(() => store.commit("bucket", "x", staged, about, refuse)).toThrow("no");
    }
    {
      await using staged = await store.stage(chunksOf("bytes"));
      store.deleteBucket("bucket");
      expect(() => store.commit("bucket", "x", staged, about)).toThrow('There is no bucket "bucket".');
    }
    expect(await files()).toEqual([]);
  });
});

async function* chunksOf(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}
