import { createHash } from "node:crypto";
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { silentLog } from "../../src/base/log.ts";
import { ArtifactCache, type ArtifactCachePorts } from "../../src/compute/artifact-cache.ts";
import { ArtifactError } from "../../src/compute/artifacts.ts";
import type { ArtifactSource } from "../../src/compute/engine.ts";
import { DEFAULT_LIMITS } from "../../src/objects/archive/extract-tar-gz.ts";
import { tarGz } from "../objects/archive/tar-bytes.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { SeededRandom } from "../support/seeded-random.ts";
import { MemoryObjectStore } from "./memory-object-store.ts";

let dir: string;
let objects: MemoryObjectStore;
let clock: FakeClock;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "tideway-cache-"));
  objects = new MemoryObjectStore();
  clock = new FakeClock();
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const open = (ports: Partial<ArtifactCachePorts> = {}) =>
  new ArtifactCache(dir, objects, { clock, random: new SeededRandom(), log: silentLog, ...ports });
const archive = (digest?: string): ArtifactSource => ({
  uri: "s3://bucket/m.tar.gz",
  dataType: "S3Object",
  compression: "Gzip",
  ...(digest && { digest }),
});
const plain = (uri: string, dataType: "S3Object" | "S3Prefix"): ArtifactSource => ({
  uri,
  dataType,
  compression: "None",
});
const signal = new AbortController().signal;
const sha256 = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");
const model = (content: string) =>
  tarGz({ name: "model.onnx", content }, { name: "code/inference.py", content: "pass" });
const leftovers = () => (existsSync(join(dir, "fetching")) ? readdirSync(join(dir, "fetching")) : []);

describe("an archive", () => {
  test("is unpacked once, read-only, under its hash, with progress", async () => {
    const bytes = model("weights");
    objects.add("m.tar.gz", bytes);
    const seen: object[] = [];
    const cache = open();
    const lease = await cache.ensure(archive(), { signal, onProgress: (progress) => seen.push(progress) });
    expect(lease).toMatchObject({ digest: sha256(bytes), files: ["code/inference.py", "model.onnx"] });
    expect(readFileSync(join(lease.path, "model.onnx"), "utf8")).toBe("weights");
    expect(statSync(join(lease.path, "model.onnx")).mode & 0o777).toBe(0o440);
    expect(seen.at(-1)).toEqual({ bytes: bytes.length, totalBytes: bytes.length });
    expect(leftovers()).toEqual([]);

    expect((await cache.ensure(archive(), { signal })).path).toBe(lease.path);
    expect((await open().ensure(archive(), { signal })).path).toBe(lease.path);
    expect(objects.gets).toEqual(["m.tar.gz"]);
  });

  test("that changed is fetched again; the old one stays for who uses it", async () => {
    objects.add("m.tar.gz", model("one"));
    const cache = open();
    const first = await cache.ensure(archive(), { signal });
    objects.add("m.tar.gz", model("two"));
    const second = await cache.ensure(archive(), { signal });
    expect(second.digest).not.toBe(first.digest);
    expect(readFileSync(join(first.path, "model.onnx"), "utf8")).toBe("one");
    expect(readFileSync(join(second.path, "model.onnx"), "utf8")).toBe("two");
  });

  test("is fetched once for all who wait, and goes on when one of them leaves", async () => {
    objects.add("m.tar.gz", model("weights"));
    const gate = Promise.withResolvers<void>();
    objects.gate = gate.promise;
    const cache = open();
    const impatient = new AbortController();
    const one = cache.ensure(archive(), { signal: impatient.signal });
    const two = cache.ensure(archive(), { signal });
    impatient.abort(new Error("too slow"));
    await expect(one).rejects.toThrow("too slow");
    gate.resolve();
    expect((await two).files).toHaveLength(2);
    expect(objects.gets).toHaveLength(1);
  });

  test("that nobody waits for any more is given up at once, and can be had later", async () => {
    objects.add("m.tar.gz", model("weights"));
    const gate = Promise.withResolvers<void>();
    objects.gate = gate.promise;
    const cache = open();
    const abort = new AbortController();
    const waiting = cache.ensure(archive(), { signal: abort.signal });
    abort.abort(new Error("deleted"));
    await expect(waiting).rejects.toThrow("deleted");
    gate.resolve();
    expect((await cache.ensure(archive(), { signal })).files).toHaveLength(2);
  });

  test("with a known hash is served from the cache when the object is gone or replaced", async () => {
    objects.add("m.tar.gz", model("one"));
    const { digest } = await open().ensure(archive(), { signal });
    objects.objects.clear();
    expect((await open().ensure(archive(digest), { signal })).digest).toBe(digest);
    objects.add("m.tar.gz", model("two"));
    expect((await open().ensure(archive(digest), { signal })).digest).toBe(digest);
    expect(objects.gets).toHaveLength(1);
  });

  test("with a known hash is refused when only another one is there", async () => {
    objects.add("m.tar.gz", model("two"));
    await expect(open().ensure(archive(sha256(model("one"))), { signal })).rejects.toThrow(
      /^s3:\/\/bucket\/m\.tar\.gz is not what it was when the endpoint was created: its sha256 is/,
    );
    expect(leftovers()).toEqual([]);
  });

  test.each(["model/model.onnx", "manifest.json"])(
    "with a flipped byte in %s is fetched again",
    async (file) => {
      objects.add("m.tar.gz", model("weights"));
      const { digest, path } = await open().ensure(archive(), { signal });
      const damaged = join(dir, digest, file);
      chmodSync(damaged, 0o640);
      const bytes = readFileSync(damaged);
      bytes[3]! ^= 1;
      writeFileSync(damaged, bytes);
      await open().ensure(archive(digest), { signal });
      expect(readFileSync(join(path, "model.onnx"), "utf8")).toBe("weights");
      expect(objects.gets).toHaveLength(2);
      expect(leftovers()).toEqual([]);
    },
  );

  test("that is damaged and gone from the store is refused", async () => {
    objects.add("m.tar.gz", model("weights"));
    const { digest, path } = await open().ensure(archive(), { signal });
    rmSync(join(path, "model.onnx"));
    objects.objects.clear();
    await expect(open().ensure(archive(digest), { signal })).rejects.toThrow(/was not found/);
  });

  test("that an instance wrote into is cleaned", async () => {
    objects.add("m.tar.gz", model("weights"));
    const cache = open();
    const { path } = await cache.ensure(archive(), { signal });
    mkdirSync(join(path, "code", "__pycache__"));
    writeFileSync(join(path, "code", "__pycache__", "x.pyc"), "");
    await cache.ensure(archive(), { signal });
    expect(readdirSync(join(path, "code", "__pycache__"))).toEqual([]);
    expect(objects.gets).toHaveLength(1);
  });

  test.each([
    [
      "a missing object",
      () => {},
      /^The model data at s3:\/\/bucket\/m\.tar\.gz was not found: There is no object m\.tar\.gz/,
    ],
    [
      "a hostile archive",
      () => objects.add("m.tar.gz", tarGz({ name: "../x" })),
      /is refused\. The entry "\.\.\/x" has "\.\."/,
    ],
    [
      "a truncated archive",
      () => objects.add("m.tar.gz", model("x").subarray(0, 60)),
      /is refused\. The archive is truncated/,
    ],
  ])("%s is an ArtifactError that names the address", async (_, put, message) => {
    put();
    const failure = await open()
      .ensure(archive(), { signal })
      .catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(ArtifactError);
    expect((failure as Error).message).toMatch(message);
    expect(leftovers()).toEqual([]);
  });
});

describe("objects without an archive", () => {
  test("one object is one file, named as the key ends", async () => {
    objects.add("models/iris/model.onnx", "weights");
    const lease = await open().ensure(plain("s3://bucket/models/iris/model.onnx", "S3Object"), { signal });
    expect(lease.files).toEqual(["model.onnx"]);
    expect(readFileSync(join(lease.path, "model.onnx"), "utf8")).toBe("weights");
  });

  test.each(["s3://bucket/m/", "s3://bucket/m"])(
    "a prefix %s takes what is below it and nothing beside it",
    async (uri) => {
      objects.add("m/", "");
      objects.add("m/model.onnx", "weights");
      objects.add("m/code/inference.py", "pass");
      objects.add("m-hf/other.bin", "no");
      objects.add("m.txt", "no");
      const lease = await open().ensure(plain(uri, "S3Prefix"), { signal });
      expect(lease.files).toEqual(["code/inference.py", "model.onnx"]);
      const again = await open().ensure(plain(uri, "S3Prefix"), { signal });
      expect(again.digest).toBe(lease.digest);
      expect(objects.gets).toHaveLength(2);
      objects.add("m/model.onnx", "changed");
      expect((await open().ensure(plain(uri, "S3Prefix"), { signal })).digest).not.toBe(lease.digest);
    },
  );

  test.each([
    ["..", "m/../../x"],
    ["absolute", "m//etc/passwd"],
    ["a dot", "m/./x"],
    ["a backslash", "m/a\\b"],
    ["an empty part", "m/a//b"],
  ])("a key with %s is refused", async (_, key) => {
    objects.add("m/fine", "x");
    objects.add(key, "x");
    await expect(open().ensure(plain("s3://bucket/m/", "S3Prefix"), { signal })).rejects.toThrow(
      ArtifactError,
    );
    expect(leftovers()).toEqual([]);
  });

  test.each([
    [
      "no object under the prefix",
      plain("s3://bucket/none/", "S3Prefix"),
      /There is no object under s3:\/\/bucket\/none\//,
    ],
    ["a missing bucket", plain("s3://other/m/", "S3Prefix"), /There is no bucket other/],
    ["no key", plain("s3://bucket", "S3Object"), /names a bucket but no object/],
    ["no address", plain("https://b/x", "S3Object"), /not an address of the form/],
    [
      "an archive by prefix",
      { ...archive(), dataType: "S3Prefix" as const },
      /Gzip needs S3DataType S3Object/,
    ],
  ])("%s is told", async (_, source, message) => {
    await expect(open().ensure(source, { signal })).rejects.toThrow(message);
  });

  test("too many bytes and too many objects are refused", async () => {
    objects.add("m/a", "12345");
    objects.add("m/b", "12345");
    const source = plain("s3://bucket/m/", "S3Prefix");
    const limited = (limits: object) =>
      open({ limits: { ...DEFAULT_LIMITS, ...limits } }).ensure(source, { signal });
    await expect(limited({ bytes: 9 })).rejects.toThrow("more than 9 bytes");
    await expect(limited({ entries: 1 })).rejects.toThrow("more than 1 objects");
    expect(objects.gets).toEqual([]);
  });
});

test("the longest unused artifacts make room, used ones stay", async () => {
  const cache = open({ maxBytes: 250 });
  const leases = [];
  for (const name of ["a", "b", "c", "d"]) {
    objects.add(name, name.repeat(100));
    const lease = await cache.ensure(plain(`s3://bucket/${name}`, "S3Object"), { signal });
    leases.push(lease);
    if (name !== "a") lease.release();
    await clock.advance(1000);
  }
  expect(leases.map(({ path }) => existsSync(path))).toEqual([true, false, false, true]);
});

test("what a crash left half fetched is removed at the next start", async () => {
  mkdirSync(join(dir, "fetching", "x"), { recursive: true });
  appendFileSync(join(dir, "fetching", "x", "half"), "half");
  objects.add("m.tar.gz", model("weights"));
  await open().ensure(archive(), { signal });
  expect(leftovers()).toEqual([]);
});
