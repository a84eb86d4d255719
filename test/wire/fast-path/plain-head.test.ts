import { describe, expect, test } from "vitest";
import { MAX_PLAIN_HEAD, readPlainHead } from "../../../src/wire/fast-path/plain-head.ts";

const LINES = ["Host: tide:8080", "Content-Type: text/csv", "content-length: 3"];
const text = (line = "POST /endpoints/one/invocations HTTP/1.1", lines: readonly string[] = LINES) =>
  `${[line, ...lines].join("\r\n")}\r\n\r\n`;
const read = (head: string) => readPlainHead(Buffer.from(head, "latin1"));

test("what a plain head says", () => {
  const head = text(undefined, [...LINES, "x-amz-Date: 20260102T030405Z", "User-Agent: one  two: three"]);
  expect(read(`${head}1,2`)).toEqual({
    target: "/endpoints/one/invocations",
    headers: {
      host: "tide:8080",
      "content-type": "text/csv",
      "content-length": "3",
      "x-amz-date": "20260102T030405Z",
      "user-agent": "one  two: three",
    },
    bodyAt: head.length,
    length: 3,
  });
  expect(read(text(undefined, [...LINES, "Connection: Keep-Alive"]))).toMatchObject({ length: 3 });
});

test("a head that is not there as a whole may become one, while it begins as one", () => {
  const head = text();
  for (let length = 0; length < head.length; length++) expect(read(head.slice(0, length))).toBe("more");
  for (const begun of ["G", "POST h", "POST  /", "post /", "\r\nPOST /", "\0"])
    expect(read(begun)).toBe(undefined);
  expect(read(`POST /${"a".repeat(MAX_PLAIN_HEAD)}`)).toBe(undefined);
});

describe("left to node:http", () => {
  test.each<[string, string]>([
    ["another method", text("PUT /endpoints/one/invocations HTTP/1.1")],
    ["HTTP/1.0", text("POST /endpoints/one/invocations HTTP/1.0")],
    ["another version", text("POST /endpoints/one/invocations HTTP/1.2")],
    ["an absolute target", text("POST http://tide/endpoints/one/invocations HTTP/1.1")],
    ["a query", text("POST /endpoints/one/invocations?a HTTP/1.1")],
    ["an escape", text("POST /endpoints/%6fne/invocations HTTP/1.1")],
    ["two blanks", text("POST  /endpoints/one/invocations HTTP/1.1")],
    ["a blank at the end of the line", text("POST /endpoints/one/invocations HTTP/1.1 ")],
    ["bare line feeds", text().replaceAll("\r\n", "\n").replace(/\n\n$/, "\r\n\r\n")],
    ["no header at all", text(undefined, [])],
    ["no host", text(undefined, ["content-length: 3"])],
    ["an empty host", text(undefined, ["host: ", "content-length: 3"])],
    ["two hosts", text(undefined, [...LINES, "host: tide:8080"])],
    ["no length", text(undefined, ["host: tide"])],
    ["two lengths", text(undefined, [...LINES, "Content-Length: 3"])],
    ["any field twice", text(undefined, [...LINES, "x-a: 1", "X-A: 1"])],
    ["65 fields", text(undefined, [...LINES, ...Array.from({ length: 62 }, (_, at) => `x-${at}: 1`)])],
    ["8 KiB", text(undefined, [...LINES, `x: ${"a".repeat(MAX_PLAIN_HEAD)}`])],
    ...["+3", "-3", "03", "3,3", "0x3", "3 3", "1e1", "3.0", "9999999999"].map((length): [string, string] => [
      `the length ${length}`,
      text(undefined, ["host: tide", `content-length: ${length}`]),
    ]),
    ...[
      "Transfer-Encoding: chunked",
      "Transfer-Encoding: identity",
      "Expect: 100-continue",
      "Upgrade: h2c",
      "Connection: close",
      "Connection: keep-alive, upgrade",
      "Connection: x-amz-date",
      "Trailer: x",
      "TE: trailers",
      "x: a\r\n b",
      "x: a\r\n\tb",
      "x: a\rb",
      "x: a\nb",
      "x: a\0b",
      "x: a\tb",
      "x: a\x7fb",
      "x: \xe9",
      "x:a",
      "x:  a",
      "x: a ",
      "x: ",
      "x : a",
      " x: a",
      "x",
      ": a",
      "x_y: a",
      "__proto__: a",
      "constructor: a",
      `${"x".repeat(65)}: a`,
    ].map((line): [string, string] => [JSON.stringify(line.slice(0, 40)), text(undefined, [...LINES, line])]),
  ])("%s", (_what, head) => {
    expect(read(head)).toBe(undefined);
  });
});
