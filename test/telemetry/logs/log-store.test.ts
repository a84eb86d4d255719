import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Log } from "../../../src/base/log.ts";
import { silentLog } from "../../../src/base/log.ts";
import { LogStore } from "../../../src/telemetry/logs/log-store.ts";
import { FakeClock } from "../../support/fake-clock.ts";

const DAY_MS = 86_400_000;
const ALL = { from: { time: 0, sequence: 0 }, to: { time: Number.MAX_SAFE_INTEGER, sequence: 0 } };

let folder: string;
let clock: FakeClock;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tideway-logs-"));
  clock = new FakeClock();
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const open = (maxBytes?: number, log: Log = silentLog) =>
  new LogStore({
    file: join(folder, "logs.sqlite"),
    clock,
    log,
    fatal: (error) => {
      throw error;
    },
    ...(maxBytes !== undefined && { maxBytes }),
  });

function withStream(store: LogStore, name: string) {
  const group = store.createGroup(name)!;
  store.createStream(group, "s");
  return group;
}

const messages = (store: LogStore, name: string) =>
  [...store.events(store.group(name)!, ALL)].map(({ message }) => message);

test("events are ordered by time, then by when they came, also behind a restart", () => {
  {
    using store = open();
    const group = withStream(store, "g");
    store.put(group, "s", [{ time: 5, message: "b" }]);
    store.put(group, "s", [
      { time: 3, message: "a" },
      { time: 5, message: "c" },
    ]);
  }
  using store = open();
  store.put(store.group("g")!, "s", [{ time: 5, message: "d" }]);
  expect(messages(store, "g")).toEqual(["a", "b", "c", "d"]);
  expect(store.stream(store.group("g")!, "s")).toMatchObject({ firstAt: 3, lastAt: 5 });
  store.deleteStream(store.group("g")!, "s");
  expect(store.group("g")!.bytes).toBe(0);
});

test("what is older than its group asks for goes, and nothing else", async () => {
  using store = open();
  const now = clock.now();
  for (const name of ["short", "ever"]) {
    store.put(withStream(store, name), "s", [
      { time: now - 2 * DAY_MS, message: "old" },
      { time: now, message: "new" },
    ]);
  }
  store.setRetention("short", 1);
  await clock.advance(61_000);
  expect(messages(store, "short")).toEqual(["new"]);
  expect(store.group("short")!.bytes).toBe(29);
  expect(messages(store, "ever")).toEqual(["old", "new"]);
});

test("above the bound the oldest of the largest group go, and it is told", async () => {
  const told: string[] = [];
  using store = open(400_000, { ...silentLog, warn: (message: string) => void told.push(message) });
  const lines = (count: number) =>
    Array.from({ length: count }, (_, index) => ({ time: index, message: String(index).padEnd(74) }));
  store.put(withStream(store, "small"), "s", lines(100));
  store.put(withStream(store, "large"), "s", lines(10_000));
  await clock.advance(61_000);
  expect(told).toEqual([
    "There were more log events than are kept: the oldest of the largest groups are removed.",
  ]);
  expect(messages(store, "small")).toHaveLength(100);
  expect(store.group("large")!.bytes + store.group("small")!.bytes).toBeLessThanOrEqual(400_000);
});

test("a deleted group is gone at once, its events by and by, and its name is free", async () => {
  using store = open();
  const lines = Array.from({ length: 5_000 }, (_, time) => ({ time: clock.now() + time, message: "x" }));
  store.put(withStream(store, "g"), "s", lines);
  expect(store.deleteGroup("g")).toBe(true);
  expect(store.deleteGroup("g")).toBe(false);
  expect(store.groups({ limit: 10 })).toEqual([]);
  const again = withStream(store, "g");
  expect(messages(store, "g")).toEqual([]);
  store.put(again, "s", [{ time: clock.now(), message: "new" }]);
  await clock.advance(61_000);
  expect(messages(store, "g")).toEqual(["new"]);
  expect(store.group(":1")).toBeUndefined();
});

test("what a source printed and how far it is read are kept together", () => {
  {
    using store = open();
    const tail = { group: "g", stream: "v/i", file: 7, offset: 12 };
    store.putTail("i", tail, [{ time: 1, message: "x" }]);
  }
  using store = open();
  expect(store.tail("i")).toEqual({ group: "g", stream: "v/i", file: 7, offset: 12 });
  expect(messages(store, "g")).toEqual(["x"]);
  store.forgetTails(clock.now() + 1, new Set(["i"]));
  expect(store.tail("i")).toBeDefined();
  store.forgetTails(clock.now() + 1, new Set());
  expect(store.tail("i")).toBeUndefined();
});
