import { expect, test } from "vitest";
import { wantedWorkers, WorkerScale } from "../../../src/capabilities/hosting/worker-scale.ts";
import { FakeClock } from "../../support/fake-clock.ts";

const limits = { provisionedConcurrency: 0, maxConcurrency: 10 };

test.each([
  ["nothing is asked for, and nothing was", 0, [], {}, { workers: 0 }],
  ["what is needed is had", 3, [1000, 1000, 1000], {}, { workers: 3 }],
  ["never more than MaxConcurrency", 30, [], {}, { workers: 10 }],
  ["never less than what is provisioned", 0, [], { provisionedConcurrency: 2 }, { workers: 2 }],
  ["what was needed lately is kept", 1, [1000, 900, 600], {}, { workers: 3, changesAt: 1100 }],
  ["what was needed too long ago is not", 0, [900, 500, 400], {}, { workers: 1, changesAt: 1400 }],
  [
    "also of that no more than MaxConcurrency",
    0,
    [1000, 990, 980],
    { maxConcurrency: 2 },
    { workers: 2, changesAt: 1490 },
  ],
  ["provisioned ones are not looked after", 0, [1000, 1000], { provisionedConcurrency: 2 }, { workers: 2 }],
])("%s", (_, demand, lastNeeded, rest, decision) => {
  expect(wantedWorkers({ demand, lastNeeded }, { ...limits, ...rest }, 500, 1000)).toEqual(decision);
});

test("each worker is kept for its own idle time from when it was last needed", async () => {
  const clock = new FakeClock(0);
  const scale = new WorkerScale(clock, 500);
  const told: string[] = [];
  scale.watch((fleet) => told.push(fleet));
  expect(scale.wanted("f", limits)).toEqual({ workers: 0 });
  scale.demand("f", 3);
  await clock.advance(10_000);
  scale.demand("f", 1);
  expect(told).toEqual(["f", "f"]);
  expect(scale.wanted("f", limits)).toEqual({ workers: 3, changesAt: 10_500 });
  await clock.advance(300);
  scale.demand("f", 0);
  await clock.advance(200);
  expect(scale.wanted("f", limits)).toEqual({ workers: 1, changesAt: 10_800 });
  await clock.advance(300);
  expect(scale.wanted("f", limits)).toEqual({ workers: 0 });
});

test("a fleet that is gone is forgotten, but not who waits for it", async () => {
  const clock = new FakeClock(0);
  const scale = new WorkerScale(clock, 500);
  scale.use("idle", 2);
  scale.demand("busy", 2);
  scale.use("busy", 4);
  expect(scale.wanted("busy", limits)).toEqual({ workers: 4, changesAt: 500 });
  for (const fleet of ["idle", "busy"]) scale.forget(fleet);
  expect(scale.wanted("idle", limits)).toEqual({ workers: 0 });
  expect(scale.wanted("busy", limits)).toEqual({ workers: 2 });
});

test("no more is remembered than any endpoint may have", () => {
  const scale = new WorkerScale(new FakeClock(0), 500);
  scale.demand("f", 1e9);
  expect(scale.wanted("f", { ...limits, maxConcurrency: 1e9 })).toEqual({ workers: 200 });
});

test("of fleets that nobody needs any more nothing is kept", async () => {
  const clock = new FakeClock(0);
  const scale = new WorkerScale(clock, 500);
  for (let fleet = 0; fleet < 100; fleet++) {
    scale.demand(`f-${fleet}`, 2);
    scale.forget(`f-${fleet}`);
    scale.demand(`f-${fleet}`, 0);
  }
  await clock.advance(500);
  scale.demand("last", 0);
  expect(scale.size).toBeLessThanOrEqual(1);
});
