/** What a restart and the passing of time do to messages. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { silentLog } from "../../../src/base/log.ts";
import { systemRandom } from "../../../src/base/random.ts";
import { Database } from "../../../src/base/sqlite/database.ts";
import { MESSAGE_MIGRATIONS } from "../../../src/capabilities/sqs/message-table.ts";
import type { Queue } from "../../../src/capabilities/sqs/queue-definitions.ts";
import { Queues } from "../../../src/capabilities/sqs/queues.ts";
import { QUEUE } from "../../../src/capabilities/sqs/kinds.ts";
import { MemoryStore } from "../../../src/state/memory-store.ts";
import { FakeClock, settle } from "../../support/fake-clock.ts";

const { signal } = new AbortController();
let folder: string;
let file: string;
let clock: FakeClock;
let store: MemoryStore;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tideway-queues-"));
  file = join(folder, "messages.sqlite");
  clock = new FakeClock();
  store = new MemoryStore({ clock });
});
afterEach(() => rmSync(folder, { recursive: true }));

const open = () =>
  Queues.open({
    account: { accountId: "000000000000", region: "us-east-1" },
    store,
    file,
    clock,
    random: systemRandom,
    log: silentLog,
    fatal: () => {},
  });
const send = (queues: Queues, queue: Queue, body: string) =>
  queues.send(queue, { body, attributes: {}, system: { SenderId: "0" } });

/** How many rows there are, seen from outside. */
function rows(table: "messages" | "contents" | "deduplication"): number {
  const database = new Database(file, { migrations: MESSAGE_MIGRATIONS, fatal: () => {} });
  try {
    return (database.one(`SELECT count(*) AS n FROM ${table}`) as { n: number }).n;
  } finally {
    database[Symbol.dispose]();
  }
}

test("messages, who holds them, and what was sent before outlive a restart", async () => {
  const attributes = { FifoQueue: "true", ContentBasedDeduplication: "true" };
  {
    await using queues = await open();
    const queue = await queues.definitions.create("a.fifo", attributes, {});
    for (const groupId of ["x", "y"])
      await queues.send(queue, { body: groupId, attributes: {}, system: { SenderId: "0" }, groupId });
    expect(await queues.receive("a.fifo", { limit: 1, signal })).toHaveLength(1);
  }
  await using queues = await open();
  const queue = await queues.definitions.get("a.fifo");
  await queues.send(queue, { body: "y", attributes: {}, system: { SenderId: "0" }, groupId: "y" });
  const taken = await queues.receive("a.fifo", { limit: 10, signal });
  expect(taken.map(({ body }) => body)).toEqual(["y"]);
});

test("messages of a queue that is gone are gone after the next start", async () => {
  {
    await using queues = await open();
    await send(queues, await queues.definitions.create("kept", {}, {}), "kept");
    await send(queues, await queues.definitions.create("gone", {}, {}), "gone");
    // as a delete leaves it that a crash cut short
    await store.remove(QUEUE, (await store.get(QUEUE, "gone"))!);
  }
  expect(rows("messages")).toBe(2);
  await using queues = await open();
  expect([rows("messages"), rows("contents")]).toEqual([1, 1]);
  // a queue of the same name is another one
  await queues.definitions.create("gone", {}, {});
  expect(await queues.receive("gone", { limit: 10, signal })).toEqual([]);
});

test("what is too old leaves the disk, though nobody receives", async () => {
  await using queues = await open();
  const queue = await queues.definitions.create(
    "q.fifo",
    { FifoQueue: "true", MessageRetentionPeriod: "600" },
    {},
  );
  const draft = { body: "x", attributes: {}, system: { SenderId: "0" }, groupId: "g", deduplicationId: "d" };
  await queues.send(queue, draft);
  await clock.advance(300_000);
  while (rows("deduplication")) await settle();
  expect(rows("messages")).toBe(1);
  await clock.advance(300_000);
  while (rows("messages")) await settle();
  expect(rows("contents")).toBe(0);
});

test("receivers that wait are sent home when the server is about to stop; others still get messages", async () => {
  const queues = await open();
  const queue = await queues.definitions.create("q", {}, {});
  const timers = clock.pending;
  const waiting = queues.receive("q", { limit: 1, waitSeconds: 20, signal });
  while (clock.pending === timers) await settle();
  queues.endWaits();
  expect(await waiting).toEqual([]);
  await send(queues, queue, "late");
  const late = { limit: 1, waitSeconds: 20, visibilitySeconds: 0, signal };
  expect(await queues.receive("q", late)).toMatchObject([{ body: "late" }]);
  await queues[Symbol.asyncDispose]();
  expect(await queues.receive("q", late)).toEqual([]);
  expect(clock.pending).toBe(0);
});
