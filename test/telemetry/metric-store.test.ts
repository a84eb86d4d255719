import { mkdtemp, open, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Clock } from "../../src/base/clock.ts";
import { silentLog } from "../../src/base/log.ts";
import { metricOf } from "../../src/telemetry/metric.ts";
import { MetricStore, type MetricStoreOptions } from "../../src/telemetry/metric-store.ts";
import { type Bucket, type Datum, TooManySeries } from "../../src/telemetry/metrics.ts";
import { pointOf, statisticSet } from "../../src/telemetry/point.ts";
import { settle } from "../support/fake-clock.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** A clock for leaps of weeks: each timer that was due in one fires once, at its end. */
class LeapClock implements Clock {
  #now = Date.UTC(2026, 0, 1);
  #timers: { at: number; callback: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#now;
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer = { at: this.#now + delayMs, callback };
    this.#timers.push(timer);
    return () => (this.#timers = this.#timers.filter((one) => one !== timer));
  }

  /** Lets time pass, and a round of upkeep with it when it is long enough for one. */
  async leap(ms: number): Promise<void> {
    for (const step of [ms, 10, 10, 10, 10]) {
      this.#now += step;
      const due = this.#timers.filter(({ at }) => at <= this.#now);
      this.#timers = this.#timers.filter(({ at }) => at > this.#now);
      for (const { callback } of due) callback();
      await settle();
      await settle();
    }
  }
}

let folder = "";
let file = "";
let clock: LeapClock;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "tideway-metrics-"));
  file = join(folder, "metrics.sqlite");
  clock = new LeapClock();
});
afterEach(() => rm(folder, { recursive: true }));

const openStore = (options: Partial<MetricStoreOptions> = {}) =>
  MetricStore.open({
    file,
    clock,
    log: silentLog,
    fatal: (error) => expect.unreachable(error.message),
    ...options,
  });

const metric = (name: string, namespace = "Shop") => metricOf(namespace, name, [["Store", "1"]]);
const datum = (name: string, value: number, at = clock.now(), resolution: 1 | 60 = 60): Datum => ({
  metric: metric(name),
  unit: "None",
  at,
  resolution,
  point: pointOf(value),
});

const whole = ({ start, sum, count, min, max, sketch }: Bucket) => ({
  start,
  sum,
  count,
  min,
  max,
  values: sketch?.count,
});

interface Value {
  readonly at: number;
  readonly value: number;
  readonly resolution: number;
}

/** What a query must say, from a list of all values. */
function naive(values: readonly Value[], from: number, to: number, period: number) {
  const buckets = Map.groupBy(
    values.filter(({ at, resolution }) => {
      const start = at - (at % (1000 * resolution));
      return start >= from && start < to;
    }),
    ({ at }) => from + Math.floor((at - from) / (1000 * period)) * 1000 * period,
  );
  return [...buckets]
    .sort(([a], [b]) => a - b)
    .map(([start, inside]) => ({
      start,
      sum: inside.reduce((sum, { value }) => sum + value, 0),
      count: inside.length,
      min: Math.min(...inside.map(({ value }) => value)),
      max: Math.max(...inside.map(({ value }) => value)),
      values: inside.length,
    }));
}

test("it says what a list of all values says, by the periods that are kept at each age", async () => {
  const step = fc.oneof(
    fc.record({
      name: fc.constantFrom("a", "b"),
      value: fc.integer({ min: -5, max: 100 }),
      ago: fc.oneof(fc.integer({ min: 0, max: 90 }), fc.integer({ min: 0, max: 14 * 86_400 })),
      resolution: fc.constantFrom(1, 60),
    }),
    fc.record({ leap: fc.constantFrom(5_000, MINUTE, 20 * MINUTE, 4 * HOUR, 3 * DAY, 20 * DAY) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      await rm(file, { force: true });
      clock = new LeapClock();
      await using store = openStore();
      const told = new Map<string, Value[]>([
        ["a", []],
        ["b", []],
      ]);
      for (const one of steps) {
        if ("leap" in one) await clock.leap(one.leap);
        else {
          const at = clock.now() - one.ago * 1000;
          told.get(one.name)!.push({ at, value: one.value, resolution: one.resolution });
          await store.put([datum(one.name, one.value, at, one.resolution)]);
        }
        await settle();
      }
      const now = clock.now() - (clock.now() % HOUR);
      for (const [name, values] of told)
        for (const [period, from] of [
          [3600, now - 450 * DAY],
          [300, now - 62 * DAY],
          [60, now - 14 * DAY],
        ] as const) {
          const query = { metric: metric(name), from, to: now + 2 * HOUR, period };
          expect((store.query(query)[0]?.buckets ?? []).map(whole)).toEqual(
            naive(values, from, now + 2 * HOUR, period),
          );
        }
    }),
    { numRuns: 40 },
  );
});

test("below a minute there is what was put so, for three hours; then it is there by the minute", async () => {
  await using store = openStore();
  const from = clock.now();
  await store.put([datum("a", 1, from + 1000, 1), datum("a", 2, from + 11_000, 1), datum("a", 4, from)]);
  const sums = (period: number) =>
    store
      .query({ metric: metric("a"), from, to: from + MINUTE, period })
      .flatMap(({ buckets }) => buckets.map(({ sum }) => sum));
  expect(sums(10)).toEqual([1, 2]);
  expect(sums(60)).toEqual([7]);
  await clock.leap(2 * HOUR);
  expect(sums(10)).toEqual([1, 2]);
  expect(sums(60)).toEqual([7]);
  await clock.leap(HOUR + 30 * MINUTE);
  expect(sums(10)).toEqual([]);
  expect(sums(60)).toEqual([7]);
  await clock.leap(16 * DAY);
  expect(sums(60)).toEqual([]);
  expect(sums(300)).toEqual([7]);
  await clock.leap(430 * DAY);
  expect(sums(3600)).toEqual([7]);
});

test("a series that is too old is forgotten, and may come again", async () => {
  await using store = openStore();
  await store.put([datum("a", 1)]);
  await clock.leap(HOUR);
  for (let leaps = 0; leaps < 6; leaps++) await clock.leap(100 * DAY);
  expect(store.list()).toEqual([]);
  expect(store.status().series).toBe(0);
  await store.put([datum("a", 1)]);
  expect(store.list()).toEqual([metric("a")]);
});

test("each unit is a series of its own", async () => {
  await using store = openStore();
  const from = clock.now();
  await store.put([datum("a", 1), { ...datum("a", 2), unit: "Seconds" }]);
  const query = { metric: metric("a"), from, to: from + MINUTE, period: 60 };
  expect(store.query(query).map(({ unit, buckets }) => [unit, buckets[0]!.sum])).toEqual([
    ["None", 1],
    ["Seconds", 2],
  ]);
  expect(store.query({ ...query, unit: "Seconds" })).toHaveLength(1);
  expect(store.query({ ...query, unit: "Bytes" })).toEqual([]);
  expect(store.list()).toHaveLength(1);
});

test("a statistic set leaves its minute without a sketch", async () => {
  await using store = openStore();
  const from = clock.now();
  await store.put([datum("a", 1), { ...datum("a", 0), point: statisticSet(30, 3, 5, 15) }]);
  await clock.leap(HOUR);
  const [series] = store.query({ metric: metric("a"), from, to: from + MINUTE, period: 60 });
  expect(series!.buckets.map(whole)).toEqual([
    { start: from, sum: 31, count: 4, min: 1, max: 15, values: undefined },
  ]);
});

test("what was put is there after a restart, and what is sent again is not counted again", async () => {
  const from = clock.now();
  const query = { metric: metric("a"), from, to: from + MINUTE, period: 60 };
  {
    await using store = openStore();
    await store.put([datum("a", 1)], { id: "gateway", sequence: 1 });
    await store.put([datum("a", 1)], { id: "gateway", sequence: 1 });
    await Promise.all([
      store.put([datum("a", 10)], { id: "gateway", sequence: 2 }),
      store.put([datum("a", 100)], { id: "other", sequence: 1 }),
    ]);
  }
  await using store = openStore();
  await store.put([datum("a", 10)], { id: "gateway", sequence: 2 });
  expect(store.query(query)[0]!.buckets[0]!.sum).toBe(111);
  await store.put([datum("a", 1000)], { id: "gateway", sequence: 3 });
  expect(store.query(query)[0]!.buckets[0]!.sum).toBe(1111);
});

describe("a list of metrics", () => {
  test("is in order, and by namespace, name, dimensions and time", async () => {
    await using store = openStore();
    await store.put([
      {
        ...datum("b", 1),
        metric: metricOf("Shop", "b", [
          ["Store", "2"],
          ["Door", "x"],
        ]),
      },
      datum("b", 1),
      { ...datum("c", 1), metric: metric("c", "Bank") },
    ]);
    await clock.leap(HOUR);
    await store.put([datum("a", 1)]);
    const names = (filter: Parameters<typeof store.list>[0]) =>
      store
        .list(filter)
        .map(({ namespace, name, dimensions }) => [namespace, name, ...dimensions.flat()].join(" "));
    expect(names({})).toEqual([
      "Bank c Store 1",
      "Shop a Store 1",
      "Shop b Door x Store 2",
      "Shop b Store 1",
    ]);
    expect(names({ namespace: "Bank" })).toEqual(["Bank c Store 1"]);
    expect(names({ name: "b", dimensions: [["Door", undefined]] })).toEqual(["Shop b Door x Store 2"]);
    expect(names({ dimensions: [["Store", "2"]] })).toEqual(["Shop b Door x Store 2"]);
    expect(names({ dimensions: [["Store", "3"]] })).toEqual([]);
    expect(names({ putSince: clock.now() - MINUTE })).toEqual(["Shop a Store 1"]);
  });
});

test("a series too many is refused, and nothing of its batch is taken; the platform's own have room of their own", async () => {
  await using store = openStore({ maxSeries: 2 });
  await store.put([datum("a", 1)]);
  await expect(store.put([datum("a", 1), datum("b", 1), datum("c", 1)])).rejects.toThrow(TooManySeries);
  const query = { metric: metric("a"), from: clock.now() - HOUR, to: clock.now() + HOUR, period: 60 };
  expect(store.query(query)[0]!.buckets[0]!.count).toBe(1);
  expect(store.status()).toMatchObject({ series: 1, maxSeries: 4 });
  await store.put([datum("b", 1)]);
  await store.put([{ ...datum("own", 1), metric: metric("own", "AWS/SageMaker") }]);
  expect(store.list()).toHaveLength(3);
});

test("what needs more room than it may have is kept for a shorter time, and counts stay", async () => {
  const maxBytes = 300_000;
  await using store = openStore({ maxBytes });
  const from = clock.now() - (clock.now() % HOUR) - 3 * DAY;
  const minutes = 3 * 24 * 60;
  const names = ["a", "b", "c"];
  for (const name of names)
    await store.put(
      Array.from({ length: minutes }, (_, index) => ({
        ...datum(name, 0, from + index * MINUTE),
        point: statisticSet(index, 2, 0, index + 1),
      })),
    );
  expect(store.status().bytes).toBeGreaterThan(maxBytes);
  await clock.leap(10 * MINUTE);
  for (let rounds = 0; rounds < 20; rounds++) await clock.leap(10);
  const { bytes, retention } = store.status();
  expect(bytes).toBeLessThan(maxBytes);
  expect(retention).toBeLessThan(1);
  for (const name of names) {
    const hours = store.query({ metric: metric(name), from, to: clock.now(), period: 3600 })[0]!.buckets;
    expect(hours.reduce((sum, { count }) => sum + count, 0)).toBe(2 * minutes);
  }
});

test("a damaged file is put aside, and metrics begin anew", async () => {
  {
    await using store = openStore();
    await store.put([datum("a", 1)]);
  }
  {
    await using handle = await open(file, "r+");
    await handle.write(Buffer.alloc(100));
  }
  await using store = openStore();
  await store.put([datum("b", 1)]);
  expect(store.list()).toEqual([metric("b")]);
  expect(await readdir(folder)).toContain(`metrics.sqlite.damaged-${clock.now()}`);
});
