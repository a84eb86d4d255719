import { expect, test } from "vitest";
import { RequestSigner } from "../../src/cli/sign-request.ts";
import type { Credentials } from "../../src/wire/credentials.ts";
import { Denial } from "../../src/wire/denial.ts";
import type { HttpRequest } from "../../src/wire/http.ts";
import { sha256, verify } from "../../src/wire/sigv4.ts";

const keys = { accessKeyId: "TWAK", secretAccessKey: "secret" };
const now = new Date("2026-11-22T18:00:00.000Z");
const principal = { accessKeyId: "TWAK", accountId: "000000000000", arn: "arn", userId: "u" };
const credentials: Credentials = {
  find: (id) => (id === "TWAK" ? { secretAccessKey: "secret", principal } : undefined),
};

test.each([
  ["GET", "http://127.0.0.1:4580/_tideway/images", ""],
  ["PUT", "http://127.0.0.1:4580/_tideway/images/my%2Fown%3A1%20'(x)*", '{"command":["true"]}'],
  ["GET", "http://127.0.0.1:4580/_tideway/endpoints/iris/logs?follow=true", ""],
])("the server accepts what we sign: %s %s", (method, address, body) => {
  const url = new URL(address);
  const signer = new RequestSigner({ ...keys, region: "us-east-1" });
  const headers = signer.headers({ method, url, body, headers: { "Content-Type": "application/json" } }, now);
  const request = (path: string) =>
    ({
      method,
      path,
      query: url.searchParams,
      rawQuery: url.search.slice(1),
      headers,
      body: nothing(),
    }) satisfies HttpRequest;
  const signed = verify(request(url.pathname), credentials, now.getTime());
  expect(() => signed?.check(sha256(Buffer.from(body)))).not.toThrow();
  expect(signed?.service).toBe("sagemaker");
  expect(() =>
    verify(request(`${url.pathname}x`), credentials, now.getTime())?.check(sha256(Buffer.from(body))),
  ).toThrow(Denial);
});

test("the key of another day is another one", () => {
  const signer = new RequestSigner({ ...keys, region: "us-east-1" });
  const request = { method: "GET", url: new URL("http://h/") };
  const first = signer.headers(request, now)["authorization"];
  expect(signer.headers(request, new Date("2026-11-23T18:00:00.000Z"))["authorization"]).not.toBe(first);
  expect(signer.headers(request, now)["authorization"]).toBe(first);
});

async function* nothing(): AsyncGenerator<Uint8Array> {}
