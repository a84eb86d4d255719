import { describe, expect, test } from "vitest";
import { ChunkedBody } from "../../src/dataplane/chunked-body.ts";
import { BadAnswer } from "../../src/dataplane/response-head.ts";

/** What is read of a body that arrives in pieces of a size, and how many bytes of it were taken. */
function read(text: string, piece = Infinity): { data: string; taken: number | undefined } {
  const body = new ChunkedBody();
  const bytes = Buffer.from(text, "latin1");
  let data = "";
  for (let at = 0; at < bytes.length; at += piece) {
    const end = body.take(bytes.subarray(at, at + piece), (part) => (data += part.toString("latin1")));
    if (end !== undefined) return { data, taken: at + end };
  }
  return { data, taken: undefined };
}

describe("ChunkedBody", () => {
  const whole = "5\r\nhello\r\nA ;name=value\r\n, world\r\n!\r\n0\r\ntrailer: x\r\n\r\n";

  test.each([1, 2, 3, 7, Infinity])("is read from pieces of %d bytes", (piece) => {
    expect(read(whole, piece)).toEqual({ data: "hello, world\r\n!", taken: whole.length });
  });

  test("tells where it ends", () => {
    expect(read(`${whole}HTTP/1.1 200 OK`).taken).toBe(whole.length);
  });

  test("is not over before its last line", () => {
    expect(read(whole.slice(0, -1)).taken).toBeUndefined();
  });

  test.each([
    ["a size that is none", "zz\r\n"],
    ["an empty size", "\r\n"],
    ["a negative size", "-1\r\n"],
    ["a size in 0x", "0x5\r\n"],
    ["a size too large to count", "fffffffffffff\r\n"],
    ["a line that ends without CR", "5\nhello\r\n"],
    ["a chunk longer than its size", "5\r\nhello!\r\n"],
    ["an extension without end", `5;${"x".repeat(2000)}`],
    ["trailers without end", `0\r\n${"x: y\r\n".repeat(5000)}`],
  ])("%s is refused", (_what, text) => {
    expect(() => read(text)).toThrow(BadAnswer);
    expect(() => read(text, 1)).toThrow(BadAnswer);
  });
});
