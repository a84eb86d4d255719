import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, expect, test } from "vitest";

import { systemClock } from "../../../src/base/clock.ts";
import { InstanceLog } from "../../../src/compute/process/instance-log.ts";
import { LogWriter } from "../../../src/compute/process/log-writer.ts";
import { FakeClock } from "../../support/fake-clock.ts";

let dir: string;
beforeEach(() => (dir = mkdtempSync(join(tmpdir(), "tideway-log-"))));
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const signal = new AbortController().signal;
async function* bytes(...chunks: readonly (string | Uint8Array)[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) yield Buffer.from(chunk);
}
const kept = async (path: string) => Array.fromAsync(new InstanceLog(path, systemClock).lines(false, signal));

test("keeps lines whole across chunks, in UTF-8, with the last one unfinished", async () => {
  const path = join(dir, "log");
  using log = new LogWriter(path, 1000);
  const euro = Buffer.from("€\n");
  await log.record(bytes("one\ntw", "o\r\n", euro.subarray(0, 1), euro.subarray(1), "unfinished"));
  expect(await kept(path)).toEqual(["one", "two", "€", "unfinished"]);
  expect(log.tail()).toEqual(["one", "two", "€", "unfinished"]);
});

test("cuts a line without end, and replaces what is no text", async () => {
  const path = join(dir, "log");
  using log = new LogWriter(path, 1_000_000);
  await log.record(bytes("x".repeat(40_000), new Uint8Array([0x0a, 0xff, 0x0a])));
  expect((await kept(path)).map((line) => line.length)).toEqual([16_384, 16_384, 7232, 1]);
});

test("stays below its size and tells the newest lines, also after it was opened again", async () => {
  const path = join(dir, "log");
  {
    using log = new LogWriter(path, 1000);
    for (let line = 0; line < 300; line += 1) await log.record(bytes(`line ${line}\n`));
    expect(statSync(path).size + statSync(`${path}.1`).size).toBeLessThanOrEqual(1000);
  }
  using log = new LogWriter(path, 1000);
  await log.record(bytes("after\n"));
  expect(log.tail()).toEqual(["after"]);
  const lines = await kept(path);
  expect(lines.slice(-2)).toEqual(["line 299", "after"]);
  const first = Number(lines[0]!.slice(5));
  expect(lines.slice(0, -1)).toEqual(
    Array.from({ length: 300 - first }, (_, index) => `line ${first + index}`),
  );
});

test("a follower gets each line once, over rotations and the files' removal, until the log is closed", async () => {
  const path = join(dir, "log");
  const clock = new FakeClock();
  const reader = new InstanceLog(path, clock);
  const seen: string[] = [];
  const following = (async () => {
    for await (const line of reader.lines(true, signal)) seen.push(line);
  })();
  await clock.advance(1000);
  using log = new LogWriter(path, 1000);
  for (let line = 0; line < 300; line += 1) {
    await log.record(bytes(`line ${line}\n`));
    if (line % 20 === 0) await clock.advance(100);
  }
  await clock.advance(100);
  rmSync(dir, { recursive: true });
  reader[Symbol.dispose]();
  await following;
  expect(seen).toEqual(Array.from({ length: 300 }, (_, line) => `line ${line}`));
  expect(clock.pending).toBe(0);
});

test("a follower who was left behind by two rotations goes on with the oldest line that is kept", async () => {
  const path = join(dir, "log");
  const clock = new FakeClock();
  const reader = new InstanceLog(path, clock);
  const seen: string[] = [];
  const following = (async () => {
    for await (const line of reader.lines(true, signal)) seen.push(line);
  })();
  using log = new LogWriter(path, 1000);
  await log.record(bytes("line 0\n"));
  await clock.advance(200);
  for (let line = 1; line < 300; line += 1) await log.record(bytes(`line ${line}\n`));
  reader[Symbol.dispose]();
  await following;
  const lines = await kept(path);
  expect(seen.slice(-lines.length)).toEqual(lines);
  expect(seen).toEqual([...new Set(seen)]);
});
