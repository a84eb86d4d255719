import { expect, test } from "vitest";
import { WorkerDemand } from "../../src/dataplane/worker-demand.ts";
import { FakeClock } from "../support/fake-clock.ts";

test("more is told at once, less when it was less for a second, and nothing is left when nothing is needed", async () => {
  const clock = new FakeClock();
  const told: string[] = [];
  using demand = new WorkerDemand(clock, (fleet, workers) => told.push(`${fleet} ${workers}`));
  let requests = 0;
  const come = () => {
    requests++;
    demand.rise("f", () => requests);
  };
  come();
  come();
  expect(told.splice(0)).toEqual(["f 1", "f 2"]);

  // short requests one after the other need one worker all the time
  requests = 0;
  await clock.advance(1000);
  expect(told).toEqual([]);
  for (let i = 0; i < 20; i++) {
    come();
    requests--;
    await clock.advance(100);
  }
  expect(told.splice(0)).toEqual(["f 1"]);
  await clock.advance(2000);
  expect(told.splice(0)).toEqual(["f 0"]);
  await clock.advance(1000);
  expect(clock.pending).toBe(0);

  come();
  expect(told).toEqual(["f 1"]);
});

test("what takes long is needed as long as it takes", async () => {
  const clock = new FakeClock();
  const told: number[] = [];
  using demand = new WorkerDemand(clock, (_, workers) => told.push(workers));
  demand.rise("f", () => 3);
  await clock.advance(60_000);
  expect(told).toEqual([3]);
});
