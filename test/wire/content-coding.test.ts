import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { decoded } from "../../src/wire/content-coding.ts";

const text = Buffer.from("a body ".repeat(1000));

test("a gzip body is inflated, any other stays as it is", async () => {
  expect(await decoded(gzipSync(text), "gzip", 10_000)).toEqual(text);
  expect(await decoded(gzipSync(text), " GZIP ", 10_000)).toEqual(text);
  expect(await decoded(text, undefined, 10)).toBe(text);
  expect(await decoded(text, "identity", 10)).toBe(text);
});

test("a body that grows beyond the limit, or is no gzip, is refused", async () => {
  await expect(decoded(gzipSync(text), "gzip", 6_999)).rejects.toMatchObject({
    name: "RequestEntityTooLargeException",
    status: 413,
  });
  await expect(decoded(text, "gzip", 10_000)).rejects.toMatchObject({ name: "SerializationException" });
});
