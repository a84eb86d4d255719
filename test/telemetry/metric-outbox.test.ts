import { expect, test } from "vitest";
import { silentLog } from "../../src/base/log.ts";
import { metricOf } from "../../src/telemetry/metric.ts";
import { MetricOutbox } from "../../src/telemetry/metric-outbox.ts";
import type { Datum, Sender } from "../../src/telemetry/metrics.ts";
import { pointOf } from "../../src/telemetry/point.ts";
import { FakeClock } from "../support/fake-clock.ts";

const START = Date.UTC(2026, 0, 1);
const requests = metricOf("Shop", "Requests", [["Store", "1"]]);

/** A store that may be away. Takes each batch once, as the real one does, and may fail to say that it did. */
class Store {
  readonly sums: Record<string, number> = {};
  state: "there" | "away" | "mute" | "silent" = "there";
  sequence = 0;
  sent = 0;

  readonly send = async (data: readonly Datum[], { sequence }: Sender): Promise<void> => {
    this.sent++;
    if (this.state === "away") throw new Error("nobody is there");
    if (sequence > this.sequence) {
      this.sequence = sequence;
      for (const { at, point } of data) {
        const minute = String((at - START) / 60_000);
        this.sums[minute] = (this.sums[minute] ?? 0) + point.sum;
      }
    }
    if (this.state === "mute") throw new Error("it broke before it answered");
    if (this.state === "silent") await new Promise(() => {});
  };
}

function begin() {
  const clock = new FakeClock(START);
  const store = new Store();
  const outbox = new MetricOutbox({ id: "one", send: store.send, clock, log: silentLog });
  return { clock, store, outbox };
}

test("what is recorded arrives within a second, one datum per minute", async () => {
  const { clock, store, outbox } = begin();
  for (let value = 1; value <= 4; value++) outbox.record(requests, "Count", value);
  await clock.advance(1000);
  expect(store).toMatchObject({ sums: { 0: 10 }, sent: 1 });
  await clock.advance(59_000);
  expect(store.sent).toBe(1);
  outbox.record(requests, "Count", 5);
  await outbox[Symbol.asyncDispose]();
  expect(store.sums).toEqual({ 0: 10, 1: 5 });
  expect(clock.pending).toBe(0);
});

test.each(["away", "mute", "silent"] as const)(
  "nothing is lost nor counted twice while the store is %s, and each minute keeps its own",
  async (state) => {
    const { clock, store, outbox } = begin();
    for (const now of [state, "there", state, state, "there"] as const) {
      store.state = now;
      for (let seconds = 0; seconds < 60; seconds++) {
        outbox.record(requests, "Count", 1);
        await clock.advance(1000);
      }
    }
    await clock.advance(10_000);
    expect(store.sums).toEqual({ 0: 60, 1: 60, 2: 60, 3: 60, 4: 60 });
    await outbox[Symbol.asyncDispose]();
  },
);

test("the end hands over the rest, also when the store comes back only then", async () => {
  const { clock, store, outbox } = begin();
  store.state = "away";
  outbox.record(requests, "Count", 7);
  await clock.advance(5000);
  const ended = outbox[Symbol.asyncDispose]();
  await clock.advance(500);
  store.state = "there";
  await clock.advance(500);
  await ended;
  expect(store.sums).toEqual({ 0: 7 });
});

test("the end waits for no store for ever", async () => {
  const { clock, store, outbox } = begin();
  store.state = "silent";
  outbox.record(requests, "Count", 7);
  const ended = outbox[Symbol.asyncDispose]().then(() => "ended");
  await clock.advance(2100);
  expect(await ended).toBe("ended");
  expect(clock.pending).toBe(0);
});

test("what is counted elsewhere is asked for before each batch, and at the end", async () => {
  const clock = new FakeClock(START);
  const store = new Store();
  let counted = 0;
  const collect = (outbox: MetricOutbox): void => {
    if (counted > 0) outbox.add(requests, "Count", clock.now() - 1, 60, pointOf(1, counted));
    counted = 0;
  };
  const outbox = new MetricOutbox({ id: "one", send: store.send, collect, clock, log: silentLog });
  counted = 3;
  await clock.advance(1000);
  expect(store.sums).toEqual({ 0: 3 });
  counted = 4;
  await outbox[Symbol.asyncDispose]();
  expect(store.sums).toEqual({ 0: 7 });
});

test("while the store is away for days, counts stay and memory is bounded: minutes become hours", async () => {
  const { clock, store, outbox } = begin();
  store.state = "away";
  for (let minute = 0; minute < 30_000; minute++)
    outbox.add(requests, "Count", START + minute * 60_000, 60, pointOf(1));
  store.state = "there";
  await clock.advance(2000);
  expect(Object.values(store.sums).reduce((all, sum) => all + sum, 0)).toBe(30_000);
  expect(Object.keys(store.sums).length).toBeLessThan(20_200);
  await outbox[Symbol.asyncDispose]();
});
