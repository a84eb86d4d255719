import { describe, expect, test } from "vitest";
import { BadAnswer, readHead } from "../../src/dataplane/response-head.ts";

const head = (...lines: string[]) => readHead(lines.join("\r\n"));

describe("readHead", () => {
  test("status and fields, names in lower case, values without blanks around them", () => {
    expect(head("HTTP/1.1 200 OK", "Content-Type:  text/csv \t", "X-Empty:", "content-length: 5")).toEqual({
      status: 200,
      headers: { "content-type": "text/csv", "x-empty": "" },
      framing: { kind: "length", length: 5 },
      keepAlive: true,
    });
  });

  test("of a field that comes twice, the first counts", () => {
    expect(head("HTTP/1.1 200", "x: 1", "X: 2").headers).toEqual({ x: "1" });
  });

  test("no field reaches the prototype", () => {
    const { headers } = head("HTTP/1.1 200 OK", "__proto__: x", "constructor: y");
    expect(Object.getPrototypeOf(headers)).toBe(Object.prototype);
    expect(headers["constructor"]).toBe("y");
  });

  test.each([
    ["chunks", ["HTTP/1.1 200 OK", "Transfer-Encoding: Chunked"], "chunked", true],
    ["neither length nor chunks", ["HTTP/1.1 200 OK"], "close", false],
    ["204", ["HTTP/1.1 204 No Content"], "length", true],
    [
      "an answer that announces the end",
      ["HTTP/1.1 200 OK", "connection: Close", "content-length: 1"],
      "length",
      false,
    ],
    ["HTTP/1.0", ["HTTP/1.0 200 OK", "content-length: 1"], "length", false],
    [
      "a keep-alive too short for us",
      ["HTTP/1.1 200 OK", "keep-alive: timeout=1", "content-length: 1"],
      "length",
      false,
    ],
    ["a long keep-alive", ["HTTP/1.1 200 OK", "keep-alive: timeout=15", "content-length: 1"], "length", true],
  ])("%s", (_what, lines, kind, keepAlive) => {
    expect(head(...lines)).toMatchObject({ framing: { kind }, keepAlive });
  });

  test.each([
    ["another version", ["HTTP/2 200"]],
    ["a status of two digits", ["HTTP/1.1 20 OK"]],
    ["a field without a colon", ["HTTP/1.1 200 OK", "content-length"]],
    ["a blank before the colon", ["HTTP/1.1 200 OK", "content-length : 5"]],
    ["a folded field", ["HTTP/1.1 200 OK", "x: 1", " content-length: 5"]],
    ["an empty name", ["HTTP/1.1 200 OK", ": 5"]],
    ["a bare CR", ["HTTP/1.1 200 OK", "x: a\rcontent-length: 5"]],
    ["a bare LF", ["HTTP/1.1 200 OK", "x: a\ncontent-length: 5"]],
    ["a NUL", ["HTTP/1.1 200 OK", "x: a\0"]],
    ["two lengths that agree", ["HTTP/1.1 200 OK", "content-length: 5", "content-length: 5"]],
    ["a list of lengths", ["HTTP/1.1 200 OK", "content-length: 5, 5"]],
    ["a length with a sign", ["HTTP/1.1 200 OK", "content-length: +5"]],
    ["a length in hex", ["HTTP/1.1 200 OK", "content-length: 0x5"]],
    ["an empty length", ["HTTP/1.1 200 OK", "content-length:"]],
    ["a length and chunks", ["HTTP/1.1 200 OK", "content-length: 5", "transfer-encoding: chunked"]],
    ["chunks twice", ["HTTP/1.1 200 OK", "transfer-encoding: chunked", "transfer-encoding: chunked"]],
    ["another coding", ["HTTP/1.1 200 OK", "transfer-encoding: gzip, chunked"]],
  ])("%s is refused", (_what, lines) => {
    expect(() => head(...lines)).toThrow(BadAnswer);
  });
});
