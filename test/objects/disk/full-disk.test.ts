import { readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { StorageFull } from "../../../src/base/sqlite/database.ts";
import { openTestStore } from "../../capabilities/s3/s3-server.ts";
import { TinyDisk } from "../../support/tiny-disk.ts";
import { collected } from "../object-store-contract.ts";

const small = TinyDisk.mount("size=8m");
const fewInodes = TinyDisk.mount("size=64m,nr_inodes=300");
afterAll(() => {
  for (const disk of [small, fewInodes]) disk?.[Symbol.dispose]();
});

describe.skipIf(small === undefined || fewInodes === undefined)(
  "a full disk (needs the right to mount a tmpfs)",
  () => {
    test("refuses what has no room, shows nothing of it, and goes on when there is room", async () => {
      await using store = openTestStore(small!.dir);
      store.createBucket("bucket", "us-east-1");
      await store.put("bucket", "kept", Buffer.alloc(1 << 20, "k"));
      const put = () => store.put("bucket", "big", Buffer.alloc(10 << 20));
      await expect(put()).rejects.toBeInstanceOf(StorageFull);
      await expect(store.head("bucket", "big")).rejects.toThrow('There is no object "big"');
      expect(readdirSync(join(small!.dir, "files", "tmp"))).toEqual([]);
      await store.put("bucket", "next", Buffer.alloc(1 << 20, "n"));
      expect(
        (await collected((await store.get("bucket", "kept")).body)).equals(Buffer.alloc(1 << 20, "k")),
      ).toBe(true);
    });

    test("refuses what has no inode", async () => {
      await using store = openTestStore(fewInodes!.dir);
      store.createBucket("bucket", "us-east-1");
      const fill = async () => {
        for (let i = 0; i < 400; i++) await store.put("bucket", `key-${i}`, Buffer.from("x"));
      };
      await expect(fill()).rejects.toBeInstanceOf(StorageFull);
      const kept = await Array.fromAsync(store.list("bucket", ""));
      expect(kept.length).toBeGreaterThan(10);
      store.remove("bucket", kept[0]!.key);
      await expect
        .poll(() =>
          store.put("bucket", "again", Buffer.from("x")).then(
            ({ size }) => size,
            () => 0,
          ),
        )
        .toBe(1);
    });
  },
);
