import { expect, test } from "vitest";
import { silentLog, type Log } from "../../src/base/log.ts";
import type { Random } from "../../src/base/random.ts";
import { Controller, runController, type Reconcile } from "../../src/state/controller.ts";
import { MemoryStore } from "../../src/state/memory-store.ts";
import { draft, Gadget, Widget } from "../support/widget.ts";
import { FakeClock, settle } from "../support/fake-clock.ts";
import { SeededRandom } from "../support/seeded-random.ts";

/** Chance that always falls on the longest pause. */
const longest: Random = Object.assign(new SeededRandom(), { number: () => 1 });

function setUp(reconcile: Reconcile, { random = longest, mostAtOnce = 16 } = {}) {
  const clock = new FakeClock();
  const logged: { message: string; facts?: Record<string, unknown> | undefined }[] = [];
  const note = (message: string, facts?: Record<string, unknown>) => void logged.push({ message, facts });
  const log: Log = { info: note, warn: note, error: note };
  const controller = new Controller("Widget", reconcile, { clock, random, log }, mostAtOnce);
  return { clock, controller, logged };
}

/** A reconcile that a test lets go on by hand. */
function held() {
  const started: string[] = [];
  const releases: (() => void)[] = [];
  const reconcile: Reconcile = (name) => {
    started.push(name);
    return new Promise((resolve) => releases.push(() => resolve("done")));
  };
  const release = async () => {
    releases.shift()?.();
    await settle();
  };
  return { started, reconcile, release };
}

test("one name runs once at a time, and once more for any number of changes meanwhile", async () => {
  const { started, reconcile, release } = held();
  const { controller } = setUp(reconcile);
  for (let i = 0; i < 5; i++) controller.enqueue("a");
  controller.enqueue("b");
  expect(started).toEqual(["a", "b"]);
  await release();
  expect(started).toEqual(["a", "b", "a"]);
  await release();
  await release();
  await controller.idle();
  expect(started).toHaveLength(3);
});

test("no more run at once than allowed; the others follow in the order they came", async () => {
  const { started, reconcile, release } = held();
  const { controller } = setUp(reconcile, { mostAtOnce: 2 });
  for (const name of ["a", "b", "c", "d", "c"]) controller.enqueue(name);
  expect(started).toEqual(["a", "b"]);
  await release();
  expect(started).toEqual(["a", "b", "c"]);
  for (let i = 0; i < 3; i++) await release();
  expect(started).toEqual(["a", "b", "c", "d"]);
  await controller.idle();
});

test("a name that asks to be looked at later is, once, and a change takes the place of that look", async () => {
  let runs = 0;
  const { clock, controller } = setUp(async () => (++runs < 3 ? { afterMs: 500 } : "done"));
  controller.enqueue("a");
  await clock.advance(499);
  expect(runs).toBe(1);
  controller.enqueue("a");
  await clock.advance(499);
  expect(runs).toBe(2);
  await clock.advance(1);
  expect(runs).toBe(3);
  await clock.advance(60_000);
  expect(runs).toBe(3);
  expect(clock.pending).toBe(0);
});

test("a failing reconcile is tried again with pauses that double up to a minute", async () => {
  const at: number[] = [];
  const { clock, controller } = setUp(async () => {
    at.push(clock.monotonic() / 1_000);
    throw new Error("no capacity");
  });
  controller.enqueue("a");
  await clock.advance(200_000);
  expect(at).toEqual([0, 1, 3, 7, 15, 31, 63, 123, 183]);
});

test("a success ends the streak: the next failure starts with the short pause", async () => {
  const outcomes = ["fail", "fail", "ok", "fail", "ok"];
  const at: number[] = [];
  const { clock, controller, logged } = setUp(async () => {
    at.push(clock.monotonic() / 1_000);
    if (outcomes.shift() === "fail") throw new Error("no capacity");
    return "done";
  });
  controller.enqueue("a");
  await clock.advance(10_000);
  controller.enqueue("a");
  await clock.advance(10_000);
  expect(at).toEqual([0, 1, 3, 10, 11]);
  // Each streak is logged once, with whose it was and why, and its end.
  expect(logged.map(({ message }) => message.slice(0, 16))).toEqual([
    "reconcile failed",
    "reconcile works ",
    "reconcile failed",
    "reconcile works ",
  ]);
  expect(logged[0]?.facts).toEqual({ controller: "Widget", name: "a", error: new Error("no capacity") });
});

test("half of each pause is chance, so that many failures together don't come back together", async () => {
  const at = new Set<number>();
  const { clock, controller } = setUp(
    async () => {
      if (clock.monotonic() > 0) at.add(clock.monotonic());
      throw new Error("down");
    },
    { random: new SeededRandom(7) },
  );
  for (let i = 0; i < 50; i++) controller.enqueue(`n${i}`);
  await clock.advance(1_000);
  const pauses = [...at];
  expect(pauses.length).toBeGreaterThan(40);
  expect(Math.min(...pauses)).toBeGreaterThanOrEqual(500);
  expect(Math.min(...pauses)).toBeLessThan(600);
  expect(Math.max(...pauses)).toBeGreaterThan(900);
});

test("a reconcile that changes its own resource and then fails doesn't spin", async () => {
  let runs = 0;
  const { clock, controller } = setUp(async () => {
    // Would it spin, nothing else would ever run again.
    if (++runs > 50) return "done";
    controller.enqueue("a");
    throw new Error("down");
  });
  controller.enqueue("a");
  await clock.advance(0);
  expect(runs).toBe(1);
  await clock.advance(10_000);
  expect(runs).toBe(11);
});

test("a reconcile that throws before its first await is a failure like any other", async () => {
  const { controller, logged } = setUp(() => {
    throw new Error("at once");
  });
  controller.enqueue("a");
  await controller.idle();
  expect(logged).toHaveLength(1);
});

test("stop waits for what runs, tells it, and starts nothing more", async () => {
  let aborted = false;
  const { started, reconcile, release } = held();
  const { clock, controller, logged } = setUp(
    (name, signal) => {
      signal.addEventListener("abort", () => (aborted = true));
      return name === "later" ? Promise.resolve({ afterMs: 10 }) : reconcile(name, signal);
    },
    { mostAtOnce: 2 },
  );
  controller.enqueue("later");
  await settle();
  for (const name of ["a", "b", "waiting"]) controller.enqueue(name);
  controller.enqueue("a");
  let stopped = false;
  const stopping = controller.stop().then(() => (stopped = true));
  expect(aborted).toBe(true);
  await release();
  expect(stopped).toBe(false);
  await release();
  await stopping;
  controller.enqueue("c");
  await clock.advance(100_000);
  expect(started).toEqual(["a", "b"]);
  expect(clock.pending).toBe(0);
  expect(logged).toEqual([]);
});

test("a failure because of stop is neither logged nor tried again", async () => {
  const { clock, controller, logged } = setUp(
    (_, signal) =>
      new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error))),
  );
  controller.enqueue("a");
  await controller.stop();
  expect(logged).toEqual([]);
  expect(clock.pending).toBe(0);
});

test("a controller of a kind begins with all there is and hears of each change of its kind alone", async () => {
  const clock = new FakeClock();
  await using store = new MemoryStore({ clock });
  await store.create(Gadget, draft("Old"));
  const seen: string[] = [];
  const controller = await runController(
    store,
    Gadget,
    async (name) => {
      const found = await store.get(Gadget, name);
      seen.push(`${name}: ${found?.name}@${found?.version}`);
      return "done";
    },
    { clock, random: new SeededRandom(), log: silentLog },
  );
  await controller.idle();
  expect(seen).toEqual(["old: Old@1"]);

  const created = await store.create(Gadget, draft("New"));
  await store.create(Widget, { ...draft("other"), arn: "arn:other" });
  await controller.idle();
  await store.remove(Gadget, created);
  await controller.idle();
  expect(seen.slice(1)).toEqual(["new: New@1", "new: undefined@undefined"]);

  await controller.stop();
  await store.create(Gadget, draft("Late"));
  await settle();
  expect(seen).toHaveLength(3);
});
