import { expect, test } from "vitest";
import { freeWorker, pickInstance } from "../../src/dataplane/instance-picker.ts";
import { SeededRandom } from "../support/seeded-random.ts";

const one = (outstanding: number, avoidUntil = 0) => ({ outstanding, avoidUntil });
const LEAST = "LEAST_OUTSTANDING_REQUESTS";

test("the one with the fewest outstanding requests, whatever chance says", () => {
  const instances = [one(3), one(1), one(2)];
  for (const chance of [0, 0.4, 0.99]) expect(pickInstance(instances, LEAST, 0, chance)).toBe(instances[1]);
});

test("ties are spread by chance", () => {
  const instances = [one(2), one(2), one(2), one(5)];
  const random = new SeededRandom(3);
  const counts = new Map<object, number>();
  for (let i = 0; i < 3000; i++) {
    const picked = pickInstance(instances, LEAST, 0, random.number())!;
    counts.set(picked, (counts.get(picked) ?? 0) + 1);
  }
  expect(counts.has(instances[3]!)).toBe(false);
  for (const instance of instances.slice(0, 3)) expect(counts.get(instance)).toBeGreaterThan(500);
});

test("RANDOM does not look at the load", () => {
  const instances = [one(100), one(0)];
  expect(pickInstance(instances, "RANDOM", 0, 0.1)).toBe(instances[0]);
  expect(pickInstance(instances, "RANDOM", 0, 0.9)).toBe(instances[1]);
});

test("one that failed lately is used only where no other is left; one that was tried, never", () => {
  const instances = [one(0, 1000), one(50)];
  expect(pickInstance(instances, LEAST, 500, 0)).toBe(instances[1]);
  expect(pickInstance(instances, LEAST, 1500, 0)).toBe(instances[0]);
  expect(pickInstance(instances, LEAST, 500, 0, instances[1])).toBe(instances[0]);
  expect(pickInstance([instances[0]!], LEAST, 500, 0)).toBe(instances[0]);
  expect(pickInstance([instances[0]!], LEAST, 500, 0, instances[0])).toBeUndefined();
  expect(pickInstance([], LEAST, 0, 0)).toBeUndefined();
});

test("a free worker is any of those that have nothing to do and did not fail lately", () => {
  const workers = [one(0), one(1), one(0, 1000), one(0)];
  expect(freeWorker(workers, 500, 0)).toBe(workers[0]);
  for (const chance of [0.3, 0.6, 0.9]) expect(freeWorker(workers, 500, chance)).toBe(workers[3]);
  expect(freeWorker(workers, 1500, 0.6)).toBe(workers[2]);
  expect(freeWorker([one(1), one(0, 1000)], 500, 0)).toBeUndefined();
  expect(freeWorker([], 500, 0)).toBeUndefined();
});
