import { expect, test } from "vitest";

import { shapeOf } from "../../src/compute/instance-types.ts";

test.each([
  ["ml.t2.medium", 2, 4, undefined],
  ["ml.m5.large", 2, 8, undefined],
  ["ml.m5.24xlarge", 96, 384, undefined],
  ["ml.c5.xlarge", 4, 8, undefined],
  ["ml.c4.large", 2, 3.75, undefined],
  ["ml.c5n.18xlarge", 72, 192, undefined],
  ["ml.r5.2xlarge", 8, 64, undefined],
  ["ml.m7i.48xlarge", 192, 768, undefined],
  ["ml.g4dn.xlarge", 4, 16, 1],
  ["ml.g5.12xlarge", 48, 192, 4],
  ["ml.g5.48xlarge", 192, 768, 8],
  ["ml.g6e.xlarge", 4, 32, 1],
  ["ml.p3.2xlarge", 8, 61, 1],
  ["ml.p4d.24xlarge", 96, 1152, 8],
  ["ml.inf2.xlarge", 4, 16, undefined],
])("%s has %d vCPU and %d GiB", (type, vcpu, gib, gpus) => {
  expect(shapeOf(type)).toEqual({ vcpu, memoryMiB: gib * 1024, ...(gpus && { gpus }) });
});

test.each([
  "",
  "m5.large",
  "ml.m5",
  "ml.m5.huge",
  "ml.z9.large",
  "ml.m5.medium",
  "ml.constructor.large",
  "ml.g5.large",
  "ml.m5.constructor",
])("%s is not known", (type) => {
  expect(shapeOf(type)).toBeUndefined();
});
