import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, expect, test } from "vitest";

import { InstanceLog } from "../../../src/compute/process/instance-log.ts";

let dir: string;
beforeEach(() => (dir = mkdtempSync(join(tmpdir(), "tideway-log-"))));
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const signal = new AbortController().signal;
async function* bytes(...chunks: readonly (string | Uint8Array)[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) yield Buffer.from(chunk);
}
const kept = async (log: InstanceLog) => Array.fromAsync(log.lines(false, signal));

test("keeps lines whole across chunks, in UTF-8, with the last one unfinished", async () => {
  using log = new InstanceLog(join(dir, "log"), 1000);
  const euro = Buffer.from("€\n");
  await log.record(bytes("one\ntw", "o\r\n", euro.subarray(0, 1), euro.subarray(1), "unfinished"));
  expect(await kept(log)).toEqual(["one", "two", "€", "unfinished"]);
  expect(log.tail()).toEqual(["one", "two", "€", "unfinished"]);
});

test("cuts a line without end, and replaces what is no text", async () => {
  using log = new InstanceLog(join(dir, "log"), 1_000_000);
  await log.record(bytes("x".repeat(40_000), new Uint8Array([0x0a, 0xff, 0x0a])));
  expect((await kept(log)).map((line) => line.length)).toEqual([16_384, 16_384, 7232, 1]);
});

test("stays below its size and tells the newest lines, also after it was opened again", async () => {
  const path = join(dir, "log");
  {
    using log = new InstanceLog(path, 1000);
    for (let line = 0; line < 300; line += 1) await log.record(bytes(`line ${line}\n`));
    expect(statSync(path).size + statSync(`${path}.1`).size).toBeLessThanOrEqual(1000);
  }
  using log = new InstanceLog(path, 1000);
  await log.record(bytes("after\n"));
  const lines = await kept(log);
  expect(lines.slice(-2)).toEqual(["line 299", "after"]);
  const first = Number(lines[0]!.slice(5));
  expect(lines.slice(0, -1)).toEqual(
    Array.from({ length: 300 - first }, (_, index) => `line ${first + index}`),
  );
});

test("a follower gets each line once, over rotations, until the log is closed", async () => {
  const log = new InstanceLog(join(dir, "log"), 1000);
  const seen: string[] = [];
  const following = (async () => {
    for await (const line of log.lines(true, signal)) seen.push(line);
  })();
  for (let line = 0; line < 300; line += 1) {
    await log.record(bytes(`line ${line}\n`));
    await new Promise((resolve) => setImmediate(resolve));
  }
  log[Symbol.dispose]();
  await following;
  expect(seen).toEqual(Array.from({ length: 300 }, (_, line) => `line ${line}`));
});
