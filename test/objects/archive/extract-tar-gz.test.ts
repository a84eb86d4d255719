import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync, mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync, createGzip } from "node:zlib";

import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import {
  DEFAULT_LIMITS,
  extractTarGz,
  type ArchiveLimits,
} from "../../../src/objects/archive/extract-tar-gz.ts";
import { chunks, END, pax, tar, tarEntry, tarGz, type TarSpec } from "./tar-bytes.ts";

let dir: string;
beforeEach(() => (dir = mkdtempSync(join(tmpdir(), "tideway-archive-"))));
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const extract = (
  archive: Buffer | AsyncIterable<Uint8Array>,
  limits: Partial<ArchiveLimits> = {},
  signal = new AbortController().signal,
) =>
  extractTarGz(
    Buffer.isBuffer(archive) ? chunks(archive) : archive,
    join(dir, "model"),
    { ...DEFAULT_LIMITS, ...limits },
    { signal },
  );
const read = (path: string) => readFileSync(join(dir, "model", path), "utf8");
const sha256 = (bytes: Buffer | string) => createHash("sha256").update(bytes).digest("hex");

describe("what is extracted", () => {
  test("files and folders, with hashes, sizes and modes of our own", async () => {
    const archive = tarGz(
      { name: "./", type: "5" },
      { name: "./model.onnx", content: "weights", mode: 0o4777 },
      { name: "./code/", type: "5", mode: 0o000 },
      { name: "./code/inference.py", content: "x = 1" },
      { name: "empty.txt" },
    );
    const result = await extract(archive);
    expect(result).toEqual({
      sha256: sha256(archive),
      bytes: 12,
      files: [
        { path: "code/inference.py", size: 5, sha256: sha256("x = 1") },
        { path: "empty.txt", size: 0, sha256: sha256("") },
        { path: "model.onnx", size: 7, sha256: sha256("weights") },
      ],
    });
    expect(read("code/inference.py")).toBe("x = 1");
    expect(statSync(join(dir, "model", "model.onnx")).mode & 0o7777).toBe(0o640);
    expect(statSync(join(dir, "model", "code")).mode & 0o7777).toBe(0o750);
    expect(readdirSync(dir)).toEqual(["model"]);
  });

  test("names by ustar's prefix, GNU's long name and pax, sizes by base 256 and pax, folders of old tars", async () => {
    const long = `${"d".repeat(90)}/${"f".repeat(150)}`;
    const result = await extract(
      tarGz(
        { name: "name", prefix: "prefix/folder", content: "1" },
        tarEntry({ name: "././@LongLink", type: "L", format: "gnu", content: `${long}\0` }),
        { name: long.slice(0, 100), format: "gnu", content: "2" },
        pax({ path: "π/größe", mtime: "1.5", "SCHILY.xattr.user.x": "y" }),
        { name: "ignored", content: "3" },
        pax({ size: "4" }),
        { name: "four", content: "four", size: 0 },
        {
          name: "binary",
          content: "5",
          edit: (header) => {
            header.fill(0, 124, 136);
            header[124] = 0x80;
            header[135] = 1;
          },
        },
        pax({ comment: "made by git archive" }, "g"),
        { name: "old/", type: "\0", format: "old" },
      ),
    );
    expect(result.files.map(({ path, size }) => [path, size])).toEqual([
      ["binary", 1],
      [long, 1],
      ["four", 4],
      ["prefix/folder/name", 1],
      ["π/größe", 1],
    ]);
    expect(statSync(join(dir, "model", "old")).isDirectory()).toBe(true);
  });

  test("several gzip members, zero padding, any chunking", async () => {
    const bytes = tar({ name: "a", content: "x".repeat(5000) }, { name: "b", content: "y" });
    const cut = 1300;
    const archive = Buffer.concat([
      gzipSync(bytes.subarray(0, cut)),
      gzipSync(bytes.subarray(cut)),
      Buffer.alloc(700),
    ]);
    for (const size of [1, 7, 512, 100_000]) {
      expect((await extract(chunks(archive, size))).files).toHaveLength(2);
      rmSync(join(dir, "model"), { recursive: true });
    }
  });

  test.each(["gnu", "ustar", "pax", "v7"])("what tar --format=%s writes", async (format) => {
    const folder = join(dir, "made");
    mkdirSync(join(folder, "code"), { recursive: true });
    writeFileSync(join(folder, "code", "inference.py"), "hello");
    writeFileSync(join(folder, "n".repeat(format === "v7" ? 90 : 99)), "z".repeat(100_000));
    const archive = execFileSync("tar", [`--format=${format}`, "-czf", "-", "-C", folder, "."]);
    expect((await extract(archive)).bytes).toBe(100_005);
  });

  test("any set of files comes out as it went in", async () => {
    const name = fc.stringMatching(/^[a-z0-9_-]{1,12}$/);
    const files = fc.uniqueArray(fc.record({ name, content: fc.uint8Array({ maxLength: 3000 }) }), {
      selector: (file) => file.name,
      maxLength: 12,
    });
    await fc.assert(
      fc.asyncProperty(files, fc.integer({ min: 1, max: 4000 }), async (files, size) => {
        const archive = tarGz(
          ...files.map(({ name, content }) => ({ name: `d/${name}`, content: Buffer.from(content) })),
        );
        const result = await extract(chunks(archive, size));
        expect(result.files.map((file) => [file.path, file.sha256])).toEqual(
          files
            .map(({ name, content }) => [`d/${name}`, sha256(Buffer.from(content))])
            .sort(([a], [b]) => (a! < b! ? -1 : 1)),
        );
        rmSync(join(dir, "model"), { recursive: true });
      }),
      { numRuns: 40 },
    );
  });
});

test("the top folder may be named as Python's tarfile names it, and as tar does", async () => {
  for (const top of ["/", "./"]) {
    const archive = tarGz({ name: top, type: "5" }, { name: "code/inference.py", content: "x" });
    expect((await extract(chunks(archive, 512))).files.map(({ path }) => path)).toEqual([
      "code/inference.py",
    ]);
    rmSync(join(dir, "model"), { recursive: true });
  }
});

describe("what is refused, whole, with nothing left behind", () => {
  const hostile: readonly (readonly [string, readonly (TarSpec | Buffer)[], RegExp])[] = [
    ["..", [{ name: "../evil" }], /"\.\.\/evil" has "\.\." in its name/],
    [".. inside", [{ name: "a/../../evil" }], /has "\.\." in its name/],
    [".. by pax", [pax({ path: "../evil" }), { name: "fine" }], /has "\.\." in its name/],
    [
      ".. by GNU long name",
      [tarEntry({ name: "L", type: "L", content: "../evil\0" }), { name: "fine" }],
      /has "\.\."/,
    ],
    [".. by prefix", [{ name: "evil", prefix: ".." }], /has "\.\."/],
    ["absolute", [{ name: "/etc/passwd" }], /"\/etc\/passwd" has an absolute name/],
    ["NUL by pax", [pax({ path: "model.onnx\0.txt" }), { name: "fine" }], /has a NUL in its name/],
    ["NUL in a header", [{ name: "model\0evil" }], /has a NUL in its name/],
    ["backslash", [{ name: "a\\b" }], /has a backslash/],
    ["control character", [{ name: "a\nb" }], /"a\\nb" has a control character/],
    ["not UTF-8", [{ name: Buffer.from([0x61, 0xff, 0xfe]) }], /is not UTF-8/],
    ["empty name", [{ name: "" }], /has an empty name/],
    ["long name", [pax({ path: "x/".repeat(20) + "y".repeat(1000) }), { name: "x" }], /more than 1024 bytes/],
    ["long part", [pax({ path: "y".repeat(256) }), { name: "x" }], /part of more than 255 bytes/],
    ["40 folders deep", [{ name: "a/".repeat(40) + "x" }], /more than 32 folders deep/],
    [
      "symbolic link",
      [{ name: "s", type: "2", linkname: "/etc/passwd" }],
      /"s" is a symbolic link; only regular/,
    ],
    ["hard link", [{ name: "h", type: "1", linkname: "x" }], /is a hard link/],
    ["character device", [{ name: "c", type: "3" }], /is a character device/],
    ["block device", [{ name: "b", type: "4" }], /is a block device/],
    ["FIFO", [{ name: "f", type: "6" }], /is a FIFO/],
    ["GNU sparse", [{ name: "s", type: "S" }], /is a sparse file/],
    ["pax sparse", [pax({ "GNU.sparse.major": "1" }), { name: "s" }], /sparse/],
    ["unknown kind", [{ name: "q", type: "Q" }], /unknown kind "Q"/],
    ["twice", [{ name: "a" }, { name: "./a" }], /"a" is there twice/],
    ["case twin", [{ name: "Model.bin" }, { name: "model.bin" }], /differs from "Model.bin" in case/],
    ["case twin of a folder", [{ name: "Code/a" }, { name: "code/b" }], /differs from "Code"/],
    ["Unicode twin", [{ name: "é" }, { name: "e\u0301" }], /Unicode form/],
    ["file below a file", [{ name: "a" }, { name: "a/b" }], /"a" is both a file and a folder/],
    ["file over a folder", [{ name: "a/b" }, { name: "a" }], /"a" is both a file and a folder/],
    ["folder with content", [{ name: "d", type: "5", content: "x" }], /folder with 1 bytes/],
    ["file named as a folder", [{ name: "d/" }], /file with a folder's name/],
    [
      "wrong checksum",
      [{ name: "ok" }, { name: "a", spoil: (header) => header.write("9", 0) }],
      /checksum is wrong/,
    ],
    [
      "negative size",
      [{ name: "a", edit: (header) => header.fill(0xff, 124, 136) }],
      /size that is no number/,
    ],
    [
      "huge size",
      [{ name: "a", edit: (header) => header.fill(0xff, 125, 136).fill(0x80, 124, 125) }],
      /size that is no number/,
    ],
    [
      "size in words",
      [{ name: "a", edit: (header) => header.write("99999999999", 124) }],
      /size that is no number/,
    ],
    [
      "size larger than the content",
      [{ name: "a", content: "x", size: 100_000 }],
      /truncated: the entry "a" breaks off/,
    ],
    ["one name for all", [pax({ path: "x" }, "g"), { name: "a" }], /one name or size/],
    [
      "damaged pax",
      [tarEntry({ name: "p", type: "x", content: "99 path=x\n" }), { name: "a" }],
      /extended header can not be read/,
    ],
    ["pax without its entry", [{ name: "a" }, pax({ path: "x" })], /header is missing/],
  ];

  test.each(hostile)("%s", async (_, entries, message) => {
    await expect(extract(tarGz({ name: "first", content: "x" }, ...entries))).rejects.toThrow(message);
    expect(readdirSync(dir)).toEqual([]);
  });

  const files: readonly (readonly [string, () => Buffer, RegExp])[] = [
    ["nothing", () => Buffer.alloc(0), /The archive is empty/],
    ["gzip of nothing", () => gzipSync(""), /The archive is empty/],
    ["a plain tar", () => tar({ name: "a" }), /not gzip-compressed. Make it with: tar -czf/],
    ["gzip of something else", () => gzipSync("hello ".repeat(1000)), /not a tar archive/],
    ["text", () => Buffer.from("hello"), /not gzip-compressed/],
    [
      "bytes behind the gzip data",
      () => Buffer.concat([tarGz({ name: "a" }), Buffer.from("evil")]),
      /gzip data/,
    ],
    [
      "bytes behind zeros",
      () => Buffer.concat([tarGz({ name: "a" }), Buffer.alloc(9), Buffer.from("evil")]),
      /more bytes after the end of its gzip data/,
    ],
    [
      "a second tar behind the end",
      () => gzipSync(Buffer.concat([tar({ name: "a" }), tar({ name: "b" })])),
      /more bytes after its end mark/,
    ],
    ["no end mark", () => gzipSync(tarEntry({ name: "a" })), /its end is missing/],
    ["a flipped bit", () => flip(tarGz({ name: "a", content: "x".repeat(5000) })), /damaged|not a tar/],
  ];
  test.each(files)("%s", async (_, archive, message) => {
    for (const size of [1, 65_536]) {
      await expect(extract(chunks(archive(), size))).rejects.toThrow(message);
      expect(readdirSync(dir)).toEqual([]);
    }
  });

  test("every truncation", async () => {
    const archive = gzipSync(
      tar(
        { name: "a", content: Buffer.from(Array.from({ length: 4000 }, (_, i) => (i * 7919) % 251)) },
        { name: "b", content: "y" },
      ),
      { level: 1 },
    );
    for (let length = 0; length < archive.length; length += Math.ceil(archive.length / 60))
      await expect(extract(archive.subarray(0, length)), `cut at ${length}`).rejects.toThrow(
        /truncated|empty/,
      );
    const plain = tar({ name: "a", content: "x".repeat(3000) }, { name: "b", content: "y" });
    for (let length = 0; length < plain.length - END.length; length += 100)
      await expect(extract(gzipSync(plain.subarray(0, length))), `cut at ${length}`).rejects.toThrow(
        /truncated|empty/,
      );
    expect(readdirSync(dir)).toEqual([]);
  });

  test("more entries than allowed, soon", async () => {
    const entry = Buffer.concat(
      Array.from({ length: 100 }, (_, i) => tarEntry({ name: `f${i}`, type: "5" })),
    );
    let made = 0;
    async function* million() {
      for (let i = 0; i < 10_000; i += 1) {
        made += 1;
        yield gzipSync(entry, { level: 1 });
      }
    }
    await expect(extract(million(), { entries: 5000 })).rejects.toThrow("more than 5000 entries");
    expect(made).toBeLessThan(1000);
    expect(readdirSync(dir)).toEqual([]);
  });

  test("more bytes than allowed, before they are written", async () => {
    await expect(extract(tarGz({ name: "a", size: 2001 }), { bytes: 2000 })).rejects.toThrow(
      "more than 2000 bytes",
    );
    const headers = Array.from({ length: 300 }, () => pax({ comment: "x".repeat(1000) }, "g"));
    await expect(extract(tarGz(...headers), { bytes: 2000, entries: 10 })).rejects.toThrow(
      "more than 2000 bytes",
    );
  });

  test("a bomb, by its ratio", async () => {
    const gzip = createGzip({ level: 9 });
    const size = 512 * 1024 * 1024;
    void (async () => {
      gzip.write(tarEntry({ name: "zeros", size }).subarray(0, 512));
      const zeros = Buffer.alloc(1 << 20);
      for (let made = 0; made < size && !gzip.destroyed; made += zeros.length)
        if (!gzip.write(zeros))
          await new Promise((resolve) => gzip.once("drain", resolve).once("close", resolve));
      gzip.end(END);
    })();
    await expect(extract(gzip, { ratioSlackBytes: 1 << 20 })).rejects.toThrow(
      "more than 1000 times its size",
    );
    gzip.destroy();
    expect(readdirSync(dir)).toEqual([]);
  });

  test("what is aborted, and what its source breaks", async () => {
    const abort = new AbortController();
    const archive = tarGz({ name: "a", content: Buffer.alloc(1_000_000, 1) });
    async function* slow() {
      for await (const chunk of chunks(archive, 100)) {
        abort.abort(new Error("enough"));
        yield chunk;
      }
    }
    await expect(extract(slow(), {}, abort.signal)).rejects.toThrow("enough");
    async function* broken() {
      yield archive.subarray(0, 100);
      throw new Error("connection reset");
    }
    await expect(extract(broken())).rejects.toThrow("connection reset");
    expect(readdirSync(dir)).toEqual([]);
  });
});

function flip(bytes: Buffer): Buffer {
  const at = Math.floor(bytes.length / 2);
  bytes[at] = bytes[at]! ^ 0x10;
  return bytes;
}
