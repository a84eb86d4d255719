import { expect, test } from "vitest";
import type { FleetStatus, InstanceStatus } from "../../src/compute/engine.ts";
import { SetupTimes } from "../../src/compute/setup-times.ts";

const fleet = (...instances: Pick<InstanceStatus, "timeline" | "restarts">[]): FleetStatus => ({
  id: "f",
  desired: instances.length,
  instances: instances.map((one, index) => ({ id: String(index), phase: "ready", ...one })),
});

test("each time that an instance became ready is told once, from its beginning, or its restart", () => {
  const times = new SetupTimes(1000);
  const old = { timeline: { pending: 100, starting: 300, ready: 900 }, restarts: 0 };
  const one = { timeline: { pending: 1100, starting: 1300, ready: 1500 }, restarts: 0 };
  const coming = { timeline: { pending: 1500 }, restarts: 0 };
  expect(times.look("f", fleet(old, coming))).toEqual([]);
  expect(times.look("f", fleet(old, one, coming))).toEqual([400]);
  expect(times.look("f", fleet(old, one, coming))).toEqual([]);
  const again = { timeline: { ...one.timeline, starting: 2000, ready: 2100 }, restarts: 1 };
  expect(times.look("f", fleet(old, again, coming))).toEqual([100]);
  expect(times.look("f", undefined)).toEqual([]);
});
