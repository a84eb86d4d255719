import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { RequestTable } from "../../../src/capabilities/async-inference/request-table.ts";
import { requestOf } from "./requests.ts";

let folder: string;
let table: RequestTable;
const open = () =>
  new RequestTable(join(folder, "requests.sqlite"), (error) => {
    throw error;
  });
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tideway-requests-"));
  table = open();
});
afterEach(() => {
  table[Symbol.dispose]();
  rmSync(folder, { recursive: true });
});

test("what was added is there after it is opened again, with its body, and what was begun is queued again", async () => {
  await table.add(requestOf("a"), Buffer.from("body"));
  const [row] = await table.lease("uid", 1000, 5);
  table[Symbol.dispose]();
  table = open();
  expect(await table.lease("uid", 1000, 5)).toEqual([]);
  expect(await table.recover()).toBe(1);
  const [again] = await table.lease("uid", 2000, 5);
  expect(again).toEqual({ ...row, attempt: 2, begunAt: 1000 });
  expect(Buffer.from(table.body(again!.id)!).toString()).toBe("body");
});

test("requests begin in the order in which they came, once they are due", async () => {
  await Promise.all(["a", "b", "c"].map((id) => table.add(requestOf(id))));
  const [first, second] = await table.lease("uid", 1000, 2);
  expect([first!.request.inferenceId, second!.request.inferenceId]).toEqual(["a", "b"]);
  await table.requeue(first!, 5000, true);
  expect((await table.lease("uid", 4999, 9)).map(({ request }) => request.inferenceId)).toEqual(["c"]);
  expect(await table.lease("another", 9000, 9)).toEqual([]);
  const [again] = await table.lease("uid", 5000, 9);
  expect(again).toMatchObject({ id: first!.id, attempt: 2, breaks: 1 });
});

test("an attempt that is not the last one changes nothing", async () => {
  await table.add(requestOf("a"));
  const [old] = await table.lease("uid", 1000, 1);
  await table.recover();
  const [now] = await table.lease("uid", 1000, 1);
  expect(await table.end(old!, { kind: "succeeded", at: 1 })).toBe(false);
  expect(await table.remove(old!)).toBe(false);
  await table.requeue(old!, 0, true);
  expect(table.backlog("uid", 10)).toBe(0);
  expect(await table.end(now!, { kind: "failed", at: 2, reason: "so" })).toBe(true);
  expect(await table.end(now!, { kind: "succeeded", at: 3 })).toBe(false);
  expect(table.ended()).toMatchObject([{ id: now!.id, ending: { kind: "failed", at: 2, reason: "so" } }]);
  expect(await table.remove(now!)).toBe(true);
  expect(table.ended()).toEqual([]);
});

test("those that waited for too long are found, those that were begun are not", async () => {
  await table.add(requestOf("a", { expiresAt: 60_000 }));
  await table.add(requestOf("b", { expiresAt: 60_000 }));
  await table.lease("uid", 1000, 1);
  expect(table.expired(59_999, 9)).toEqual([]);
  expect(table.expired(60_000, 9).map(({ request }) => request.inferenceId)).toEqual(["b"]);
  expect(table.endpoints()).toEqual(["uid"]);
});

test("what waits is what has not ended, the oldest first", async () => {
  expect(table.waiting("uid")).toEqual({ requests: 0, oldestAt: undefined });
  for (const [id, receivedAt] of [
    ["a", 100],
    ["b", 200],
    ["c", 300],
  ] as const)
    await table.add({ ...requestOf(id), receivedAt });
  const [first] = await table.lease("uid", 1000, 1);
  expect(table.waiting("uid")).toEqual({ requests: 3, oldestAt: 100 });
  await table.end(first!, { kind: "succeeded", at: 1000 });
  expect(table.waiting("uid")).toEqual({ requests: 2, oldestAt: 200 });
  expect(table.waiting("another")).toEqual({ requests: 0, oldestAt: undefined });
});
