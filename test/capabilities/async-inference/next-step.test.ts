import { expect, test } from "vitest";
import { nextStep, type Trouble } from "../../../src/capabilities/async-inference/next-step.ts";
import { requestOf } from "./requests.ts";

const step = (trouble: Trouble, breaks = 0, now = 10_000) =>
  nextStep({ id: 1, attempt: 1, breaks, begunAt: 0, request: requestOf("a") }, trouble, now);
const broke: Trouble = { kind: "broke", why: "socket hang up", left: false };

test.each([
  [{ kind: "unreachable" } as const, 2, { kind: "again", dueAt: 11_000, counts: false }],
  [{ ...broke, left: true }, 2, { kind: "again", dueAt: 10_000, counts: false }],
  [broke, 0, { kind: "again", dueAt: 11_000, counts: true }],
  [broke, 1, { kind: "again", dueAt: 12_000, counts: true }],
  [
    broke,
    2,
    {
      kind: "give-up",
      reason:
        "InternalServerError: Each of 3 instances broke off while it had the request. The last time: socket hang up",
    },
  ],
  [
    { kind: "not-stored", why: "the disk is full" } as const,
    2,
    {
      kind: "give-up",
      reason: "ClientError: The response could not be written to s3://jobs/out/a.out: the disk is full",
    },
  ],
])("after %j, the %ith that counts", (trouble, breaks, wanted) => {
  expect(step(trouble, breaks)).toEqual(wanted);
});

test("one that waited for too long is not begun again, whatever the trouble was", () => {
  for (const trouble of [broke, { ...broke, left: true }, { kind: "unreachable" } as const])
    expect(step(trouble, 0, 21_600_000)).toEqual({
      kind: "give-up",
      reason: "ClientError: The request waited for longer than the 21600 s of RequestTTLSeconds.",
    });
});
