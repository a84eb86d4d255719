import { expect, test } from "vitest";
import { CliError, explain } from "../../src/cli/exit-codes.ts";

function serviceError(name: string, message: string, httpStatusCode: number): Error {
  return Object.assign(new Error(message), { name, $metadata: { httpStatusCode } });
}

test.each([
  ["ValidationException", 'Could not find endpoint "arn:aws:sagemaker:x".', 400, "notFound"],
  ["ResourceNotFound", "gone", 400, "notFound"],
  ["NoSuchKey", "The specified key does not exist.", 404, "notFound"],
  ["ValidationException", "Cannot create already existing endpoint", 400, "conflict"],
  ["ValidationException", "Cannot update in-progress endpoint", 400, "conflict"],
  ["ResourceInUse", "x", 400, "conflict"],
  ["ValidationException", "1 validation error detected", 400, "invalidInput"],
  ["ModelError", "Received server error (500) from AllTraffic", 424, "failure"],
  ["ServiceUnavailable", "x", 503, "failure"],
  ["InvalidSignatureException", "x", 403, "failure"],
] as const)("%s (%s) exits as it should", (name, message, status, exit) => {
  const told = explain(serviceError(name, message, status));
  expect(told?.exit).toBe(exit);
  expect(told?.message).toContain(message);
});

test("a server that is not there is told as such, by fetch and by the SDK", () => {
  const refused = Object.assign(new Error("connect ECONNREFUSED 127.0.0.1:1"), { code: "ECONNREFUSED" });
  const both = Object.assign(new AggregateError([refused]), { code: "ECONNREFUSED" });
  for (const error of [refused, both, new TypeError("fetch failed", { cause: refused })]) {
    expect(explain(error)?.exit).toBe("unreachable");
    expect(explain(error)?.message).toContain("ECONNREFUSED 127.0.0.1:1");
  }
});

test("our own errors pass, faults of ours are no user's mistake", () => {
  const own = new CliError("timedOut", "too long");
  expect(explain(own)).toBe(own);
  expect(explain(new TypeError("x is not a function"))).toBeUndefined();
  expect(explain("thrown words")).toBeUndefined();
});
