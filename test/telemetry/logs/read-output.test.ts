import { appendFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readOutput } from "../../../src/telemetry/logs/read-output.ts";

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tideway-output-"));
  path = join(folder, "log");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("whole lines are read once, and half a line waits for its end", () => {
  expect(readOutput(path, undefined)).toBeUndefined();
  writeFileSync(path, "one\ntwo\nhal");
  const first = readOutput(path, undefined)!;
  expect(first).toMatchObject({ lines: ["one", "two"], skipped: 0, offset: 8 });
  expect(readOutput(path, first)).toBeUndefined();
  appendFileSync(path, "f\n");
  expect(readOutput(path, first)).toMatchObject({ lines: ["half"], skipped: 0 });
});

test("a rotation loses nothing; a file that came and went is told", () => {
  writeFileSync(path, "a\n");
  const first = readOutput(path, undefined)!;
  appendFileSync(path, "b\n");
  renameSync(path, `${path}.1`);
  writeFileSync(path, "c\n");
  const second = readOutput(path, first)!;
  expect(second.lines).toEqual(["b"]);
  const third = readOutput(path, second)!;
  expect(third.lines).toEqual(["c"]);
  expect(readOutput(path, third)).toBeUndefined();

  renameSync(path, `${path}.1`);
  writeFileSync(path, "d\n");
  // kept under another name, so that its number is not used again
  renameSync(`${path}.1`, join(folder, "old"));
  renameSync(path, `${path}.1`);
  writeFileSync(path, "e\n");
  expect(readOutput(path, third)).toMatchObject({ lines: ["d"], skipped: 2 });
});

test("of what is too far behind only the end is read, from the beginning of a line", () => {
  const line = "0123456789";
  writeFileSync(path, `${line}\n`.repeat(500_000));
  const found = readOutput(path, undefined)!;
  expect(found.skipped).toBeGreaterThan(5_000_000);
  expect(found.offset).toBe(5_500_000);
  expect(new Set(found.lines)).toEqual(new Set([line]));
  expect(found.skipped + found.lines.length * 11).toBe(5_500_000);
});
