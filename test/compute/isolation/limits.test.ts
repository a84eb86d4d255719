import { expect, test } from "vitest";
import { serverlessType } from "../../../src/compute/instance-types.ts";
import { excessSentence, limitsOf } from "../../../src/compute/isolation/limits.ts";

test("the memory of the instance type, a modest one where that is not known, never more than the server's own limit", () => {
  expect(limitsOf("ml.m5.large").memoryMiB).toBe(8192);
  expect(limitsOf("ml.unknown.large").memoryMiB).toBe(2048);
  expect(limitsOf("ml.m5.large", { memoryMiB: 512, processes: 9 })).toEqual({ memoryMiB: 512, processes: 9 });
  expect(limitsOf("ml.m5.large", { memoryMiB: 1 << 20 }).memoryMiB).toBe(8192);
});

test("sentences say what happened and what to do", () => {
  const limits = { memoryMiB: 8192, processes: 10 };
  expect(excessSentence("memory", limits, "ml.m5.large")).toMatch(
    /more memory than the 8192 MiB .* ml\.m5\.large .*\. Take /,
  );
  expect(excessSentence("processes", limits, "ml.m5.large")).toMatch(
    /more than 10 processes and threads.*\. Look /,
  );
});

test("a serverless worker has the memory of its endpoint, and is told so", () => {
  const type = serverlessType(3072);
  expect(limitsOf(type).memoryMiB).toBe(3072);
  expect(excessSentence("memory", limitsOf(type), type)).toMatch(/3072 MiB .*Raise MemorySizeInMB/);
});
