import { expect, test } from "vitest";
import { isRevisionOf, revisionName } from "../../src/cli/deployment.ts";

const at = new Date("2026-11-22T17:45:01.023Z");

test("a deployment is named after its endpoint and its time, within 63 characters", () => {
  expect(revisionName("iris", at)).toBe("iris-20261122-174501-023");
  const long = revisionName("a-".repeat(31) + "a", at);
  expect(long.length).toBeLessThanOrEqual(63);
  expect(long).toMatch(/^[a-zA-Z0-9](-*[a-zA-Z0-9])*$/);
});

test("a name is known again as one of an endpoint's, and not of its namesakes'", () => {
  expect(isRevisionOf("iris", revisionName("iris", at))).toBe(true);
  expect(isRevisionOf("iris", revisionName("iris-2", at))).toBe(false);
  expect(isRevisionOf("iris", "iris-by-hand")).toBe(false);
});
