import { expect, test } from "vitest";
import { Hosts } from "../../src/wire/hosts.ts";
import { bodyOf, type HttpRequest } from "../../src/wire/http.ts";

const request = (host: string): HttpRequest => ({
  method: "GET",
  path: "/key",
  rawQuery: "",
  query: new URLSearchParams(),
  headers: { host },
  body: bodyOf(Buffer.alloc(0)),
});
const hosts = new Hosts(["tide.example"]);

test("a bucket in the host's name goes into the path", () => {
  expect(hosts.pathStyle(request("a.bucket.tide.example:80")).path).toBe("/a.bucket/key");
  expect(hosts.pathStyle(request("tide.example")).path).toBe("/key");
});

test("a name longer than names may be is not served, and not searched", () => {
  const host = `${"a.".repeat(122)}tide.example`;
  expect(() => hosts.admit(request(`aa${host.slice(3)}`))).not.toThrow();
  expect(() => hosts.admit(request(host))).toThrow("is not served here");
});
