import { createHash, createHmac } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Framing, unchunk } from "../../src/wire/chunked.ts";
import type { Credentials } from "../../src/wire/credentials.ts";
import { bodyOf, collect } from "../../src/wire/http.ts";
import { type Signature, verify } from "../../src/wire/sigv4.ts";

const SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const principal = { accessKeyId: "AKIAIOSFODNN7EXAMPLE", accountId: "0", arn: "arn", userId: "0" };
const credentials: Credentials = { find: () => ({ secretAccessKey: SECRET, principal }) };

/** The upload of the S3 API reference, "Signature calculations for the Authorization header: multiple chunks". */
function exampleSignature(): Signature {
  const headers = {
    host: "s3.amazonaws.com",
    "x-amz-date": "20130524T000000Z",
    "x-amz-storage-class": "REDUCED_REDUNDANCY",
    "x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
    "content-encoding": "aws-chunked",
    "x-amz-decoded-content-length": "66560",
    "content-length": "66824",
    authorization:
      "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders=content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class,Signature=4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
  };
  const request = {
    method: "PUT",
    path: "/examplebucket/chunkObject.txt",
    rawQuery: "",
    query: new URLSearchParams(),
    headers,
    body: bodyOf(Buffer.alloc(0)),
  };
  return verify(request, credentials, Date.UTC(2013, 4, 24))!;
}

const EXAMPLE = Buffer.concat(
  [
    "10000;chunk-signature=ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648\r\n",
    Buffer.alloc(65_536, "a"),
    "\r\n400;chunk-signature=0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497\r\n",
    Buffer.alloc(1024, "a"),
    "\r\n0;chunk-signature=b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9\r\n\r\n",
  ].map((part) => Buffer.from(part as string)),
);

/** Bytes in pieces, cut at the given places. */
async function* pieces(bytes: Uint8Array, cuts: readonly number[]) {
  let at = 0;
  for (const cut of [...cuts.map((one) => one % bytes.length).sort((a, b) => a - b), bytes.length]) {
    if (cut > at) yield bytes.subarray(at, cut);
    at = Math.max(at, cut);
  }
}

const EXAMPLE_FRAMING: Framing = { length: 66_560, trailers: [] };

describe("signed chunks", () => {
  test("AWS's example reads back, however its bytes arrive", async () => {
    expect(EXAMPLE.length).toBe(66_824);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(66_823), { maxLength: 40 }), async (cuts) => {
        const bytes = await collect(
          unchunk(pieces(EXAMPLE, cuts), exampleSignature(), EXAMPLE_FRAMING, new Map()),
        );
        expect(bytes.equals(Buffer.alloc(66_560, "a"))).toBe(true);
      }),
      { numRuns: 20, seed: 1 },
    );
  });

  test("any changed byte, and any end but the last, is refused", async () => {
    const read = (bytes: Uint8Array) =>
      collect(unchunk(bodyOf(bytes), exampleSignature(), EXAMPLE_FRAMING, new Map()));
    for (const at of [
      0,
      3,
      6,
      30,
      86,
      87,
      90,
      40_000,
      65_640,
      66_700,
      66_737,
      66_750,
      EXAMPLE.length - 5,
      EXAMPLE.length - 4,
    ]) {
      const changed = Buffer.from(EXAMPLE);
      changed[at] = changed[at]! ^ 1;
      await expect(read(changed), `byte ${at}`).rejects.toThrow();
      await expect(read(EXAMPLE.subarray(0, at)), `cut at ${at}`).rejects.toThrow();
    }
    await expect(read(Buffer.concat([EXAMPLE, Buffer.from("x")]))).rejects.toThrow();
  });

  test("the promised length binds", async () => {
    for (const length of [66_559, 66_561, 0])
      await expect(
        collect(unchunk(bodyOf(EXAMPLE), exampleSignature(), { length, trailers: [] }, new Map())),
      ).rejects.toThrow("promised");
  });
});

describe("signed trailers", () => {
  const seed: Signature = { ...exampleSignature(), payload: "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER" };
  const sha = (text: string) => createHash("sha256").update(text).digest("hex");
  const chain = (kind: string, previous: string, ...hashes: string[]) =>
    createHmac("sha256", seed.key)
      .update([`AWS4-HMAC-SHA256-${kind}`, seed.date, seed.scope, previous, ...hashes].join("\n"))
      .digest("hex");
  const first = chain("PAYLOAD", seed.signature, sha(""), sha("tide"));
  const last = chain("PAYLOAD", first, sha(""), sha(""));
  const trailer = chain("TRAILER", last, sha("x-amz-checksum-crc32:abcd==\n"));
  const body = (lines: string) =>
    bodyOf(Buffer.from(`4;chunk-signature=${first}\r\ntide\r\n0;chunk-signature=${last}\r\n${lines}\r\n`));
  const framing = { length: 4, trailers: ["x-amz-checksum-crc32"] };
  const read = async (lines: string) => {
    const trailers = new Map<string, string>();
    const bytes = await collect(unchunk(body(lines), seed, framing, trailers));
    return [bytes.toString(), Object.fromEntries(trailers)];
  };

  test("are told", async () => {
    expect(await read(`x-amz-checksum-crc32:abcd==\r\nx-amz-trailer-signature:${trailer}\r\n`)).toEqual([
      "tide",
      { "x-amz-checksum-crc32": "abcd==" },
    ]);
  });

  test.each([
    ["changed", `x-amz-checksum-crc32:abce==\r\nx-amz-trailer-signature:${trailer}\r\n`],
    ["not signed", "x-amz-checksum-crc32:abcd==\r\n"],
    ["left out", ""],
    ["signed with something else", `x-amz-checksum-crc32:abcd==\r\nx-amz-trailer-signature:${last}\r\n`],
    [
      "after the signature",
      `x-amz-checksum-crc32:abcd==\r\nx-amz-trailer-signature:${trailer}\r\nx-amz-meta-a:b\r\n`,
    ],
  ])("are refused when %s", async (_, lines) => {
    await expect(read(lines)).rejects.toThrow();
  });
});

describe("unsigned chunks", () => {
  const signature: Signature = { ...exampleSignature(), payload: "STREAMING-UNSIGNED-PAYLOAD-TRAILER" };
  const read = async (text: string, framing: Framing = { length: 4, trailers: ["x-amz-checksum-crc32"] }) => {
    const trailers = new Map<string, string>();
    const bytes = await collect(unchunk(bodyOf(Buffer.from(text)), signature, framing, trailers));
    return [bytes.toString(), Object.fromEntries(trailers)];
  };

  test.each(["\r\n", ""])("with a trailer, ended by %j", async (end) => {
    const text = `2\r\nti\r\n2\r\nde\r\n0\r\nX-Amz-Checksum-Crc32: abcd==\r\n${end}`;
    expect(await read(text)).toEqual(["tide", { "x-amz-checksum-crc32": "abcd==" }]);
  });

  test.each([
    ["a negative size", "-4\r\ntide\r\n0\r\n\r\n"],
    ["a size with a sign", "+4\r\ntide\r\n0\r\n\r\n"],
    ["a size in other digits", "0x4\r\ntide\r\n0\r\n\r\n"],
    ["a size with a space", "4 \r\ntide\r\n0\r\n\r\n"],
    ["an overflowing size", "fffffffffffffff\r\ntide\r\n0\r\n\r\n"],
    ["an extension", "4;a=b\r\ntide\r\n0\r\n\r\n"],
    ["a signature", `4;chunk-signature=${"0".repeat(64)}\r\ntide\r\n0\r\n\r\n`],
    ["a chunk longer than its size", "3\r\ntide\r\n0\r\n\r\n"],
    ["a chunk shorter than its size", "5\r\ntide\r\n0\r\n\r\n"],
    ["no last chunk", "4\r\ntide\r\n"],
    ["only line feeds", "4\ntide\n0\n\n"],
    ["no body", ""],
    ["an endless line", "4".repeat(10_000)],
    [
      "a trailer that was not announced",
      "4\r\ntide\r\n0\r\nx-amz-checksum-crc32:a\r\nx-amz-meta-a:b\r\n\r\n",
    ],
    ["a trailer twice", "4\r\ntide\r\n0\r\nx-amz-checksum-crc32:a\r\nx-amz-checksum-crc32:b\r\n\r\n"],
    ["no announced trailer", "4\r\ntide\r\n0\r\n\r\n"],
    ["a trailer without a name", "4\r\ntide\r\n0\r\n:b\r\n\r\n"],
    ["more after the end", "4\r\ntide\r\n0\r\nx-amz-checksum-crc32:a\r\n\r\nGET / HTTP/1.1\r\n"],
  ])("refused: %s", async (_, text) => {
    await expect(read(text)).rejects.toThrow();
  });
});
