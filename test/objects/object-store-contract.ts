/** What every object store must do, wherever its bytes are. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  NoSuchObject,
  ObjectExists,
  ObjectReplaced,
  type PartStore,
} from "../../src/objects/object-store.ts";

const broken = async function* () {
  yield Buffer.alloc(9 << 20);
  throw new Error("the client went away");
};

export interface OpenStore extends AsyncDisposable {
  readonly store: PartStore;
  createBucket(name: string): Promise<void>;
}

export function objectStoreContract(name: string, open: () => Promise<OpenStore>): void {
  describe(`${name} keeps the contract of an object store`, () => {
    let opened: OpenStore;
    let store: PartStore;
    beforeAll(async () => {
      opened = await open();
      store = opened.store;
      await opened.createBucket("bucket");
    });
    afterAll(() => opened[Symbol.asyncDispose]());

    const read = async (key: string) => {
      const { info, body } = await store.get("bucket", key);
      return { info, bytes: await collected(body) };
    };

    test.each([
      ["nothing", 0, 1],
      ["a little", 3, 1],
      ["much", 9 << 20, 70_000],
      ["many chunks of a part's size", 16 << 20, 8 << 20],
    ])("gives back %s, put at once or as a stream", async (_, size, chunk) => {
      const bytes = Buffer.from(Uint8Array.from({ length: size }, (_, i) => (i * 31) ^ (i >> 12)));
      const info = await store.put("bucket", "at once", bytes);
      expect(info).toMatchObject({ key: "at once", size });
      expect(bytes.equals((await read("at once")).bytes)).toBe(true);
      const streamed = await store.put("bucket", "streamed", chunks(bytes, chunk), { contentType: "x/y" });
      expect(streamed.size).toBe(size);
      expect(bytes.equals((await read("streamed")).bytes)).toBe(true);
    });

    test("tells the same of an object in each place", async () => {
      const put = await store.put("bucket", "same", Buffer.from("same"));
      const head = await store.head("bucket", "same");
      const listed = await Array.fromAsync(store.list("bucket", "same"));
      expect(head).toMatchObject({ key: "same", size: 4, etag: "51037a4a37730f52c8732586d3aaa316" });
      for (const info of [put, (await read("same")).info, listed[0]!]) {
        expect(info).toMatchObject({ key: head.key, size: head.size, etag: head.etag });
        expect(Math.floor(info.modifiedAt / 1000)).toBe(Math.floor(head.modifiedAt / 1000));
      }
    });

    test("lists by prefix in the order of UTF-8, over any number of pages", async () => {
      await opened.createBucket("listed");
      const keys = [
        "p/",
        ...Array.from({ length: 1001 }, (_, i) => `p/${String(i).padStart(4, "0")}`),
        "p/\uFFFD",
        "p/😀",
      ];
      const all = ["o", "q", ...keys];
      for (let at = 0; at < all.length; at += 100)
        await Promise.all(all.slice(at, at + 100).map((key) => store.put("listed", key, Buffer.from(""))));
      const found = await Array.fromAsync(store.list("listed", "p/"));
      expect(found.map(({ key }) => key)).toEqual(keys);
      expect(await Array.fromAsync(store.list("listed", "none"))).toEqual([]);
    });

    test("says what is not there", async () => {
      for (const call of [
        () => store.head("bucket", "missing"),
        () => store.get("bucket", "missing"),
        () => store.get("no-bucket", "x"),
        () => store.put("no-bucket", "x", Buffer.from("x")),
        () => Array.fromAsync(store.list("no-bucket", "")),
      ])
        await expect(call()).rejects.toBeInstanceOf(NoSuchObject);
      await expect(store.get("bucket", "missing")).rejects.toThrow(
        'There is no object "missing" in the bucket "bucket".',
      );
      await expect(store.get("no-bucket", "x")).rejects.toThrow('There is no bucket "no-bucket".');
    });

    test("keeps what was there when a body breaks off", async () => {
      await store.put("bucket", "kept", Buffer.from("old"));
      await expect(store.put("bucket", "kept", broken())).rejects.toThrow("the client went away");
      expect((await read("kept")).bytes.toString()).toBe("old");
      await expect(store.put("bucket", "never", broken())).rejects.toThrow("the client went away");
      await expect(store.head("bucket", "never")).rejects.toBeInstanceOf(NoSuchObject);
    });

    test.each([
      ["at once", 3],
      ["in parts", 9 << 20],
    ])("puts %s what is to be new only where nothing is", async (how, size) => {
      const key = `new ${how}`;
      const put = (fill: string) =>
        store.put("bucket", key, chunks(Buffer.alloc(size, fill), 1 << 20), {
          contentType: "x/y",
          onlyNew: true,
        });
      expect((await put("1")).size).toBe(size);
      await expect(put("2")).rejects.toThrow(new ObjectExists("bucket", key));
      expect(Buffer.alloc(size, "1").equals((await read(key)).bytes)).toBe(true);
      expect((await store.put("bucket", key, Buffer.from("3"))).size).toBe(1);
    });

    test("reads on in exactly the version that was named", async () => {
      const { etag } = await store.put("bucket", "resumed", Buffer.from("0123456789"));
      for (const [offset, rest] of [
        [0, "0123456789"],
        [7, "789"],
        [10, ""],
      ] as const) {
        const { body, info } = await store.get("bucket", "resumed", undefined, { etag, offset });
        expect(info).toMatchObject({ size: 10, etag });
        expect((await collected(body)).toString()).toBe(rest);
      }
      await store.put("bucket", "resumed", Buffer.from("another one"));
      for (const offset of [0, 3])
        await expect(store.get("bucket", "resumed", undefined, { etag, offset })).rejects.toThrow(
          ObjectReplaced,
        );
      await expect(store.get("bucket", "gone", undefined, { etag, offset: 0 })).rejects.toThrow(NoSuchObject);
    });

    test("takes an object in parts, and shows nothing of it before it is completed", async () => {
      const part = (byte: number) => Buffer.alloc(5 << 20, byte);
      const upload = await store.startUpload("bucket", "parts", { contentType: "text/csv" });
      const second = await store.putPart("bucket", "parts", upload, 2, Buffer.from("end"));
      await store.putPart("bucket", "parts", upload, 1, part(1));
      const first = await store.putPart("bucket", "parts", upload, 1, part(2));
      await expect(store.head("bucket", "parts")).rejects.toThrow(NoSuchObject);
      const info = await store.completeUpload("bucket", "parts", upload, [first, second]);
      expect(info).toMatchObject({ key: "parts", size: (5 << 20) + 3, etag: expect.stringMatching(/-2$/) });
      const { bytes, info: got } = await read("parts");
      expect(bytes.equals(Buffer.concat([part(2), Buffer.from("end")]))).toBe(true);
      expect(got).toMatchObject({ etag: info.etag, contentType: "text/csv" });
      await expect(store.putPart("bucket", "parts", upload, 3, part(3))).rejects.toThrow(NoSuchObject);
      // whoever did not hear of the end asks again
      expect(await store.completeUpload("bucket", "parts", upload, [first, second])).toMatchObject({
        etag: info.etag,
      });
    });

    test("an upload that is aborted is gone, and may be aborted again", async () => {
      const upload = await store.startUpload("bucket", "aborted");
      const part = await store.putPart("bucket", "aborted", upload, 1, Buffer.from("part"));
      await store.abortUpload("bucket", "aborted", upload);
      await store.abortUpload("bucket", "aborted", upload);
      await expect(store.completeUpload("bucket", "aborted", upload, [part])).rejects.toThrow(NoSuchObject);
      await expect(store.startUpload("no-bucket", "x")).rejects.toThrow(NoSuchObject);
    });

    test("stops a read that is aborted", async () => {
      await store.put("bucket", "long", Buffer.alloc(4 << 20));
      const stop = new AbortController();
      const { body } = await store.get("bucket", "long", stop.signal);
      const all = (async () => {
        for await (const chunk of body) if (chunk.byteLength) stop.abort(new Error("enough"));
      })();
      await expect(all).rejects.toThrow(/enough|abort/i);
    });
  });
}

export async function collected(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(body));
}

async function* chunks(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += size) yield bytes.subarray(at, at + size);
}
