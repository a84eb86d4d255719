import { copyFile, mkdtemp, open, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { silentLog } from "../../../src/base/log.ts";
import { systemRandom } from "../../../src/base/random.ts";
import { openSqliteStore } from "../../../src/state/sqlite/sqlite-store.ts";
import { newestFirst } from "../../contracts/resource-store.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { draft, Widget } from "../../support/widget.ts";

let folder = "";
let path = "";
const ports = { clock: new FakeClock(), random: systemRandom, log: silentLog };

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "tideway-database-"));
  path = join(folder, "state.db");
});
afterEach(() => rm(folder, { recursive: true }));

async function fill(count: number): Promise<void> {
  await using store = openSqliteStore(path, ports);
  for (let i = 0; i < count; i++) await store.create(Widget, draft(`w${i}`));
}

async function overwrite(at: number, bytes: Uint8Array): Promise<void> {
  await using file = await open(path, "r+");
  await file.write(bytes, 0, bytes.length, at);
}

describe("a damaged file is refused, with what to do, and left as it is", () => {
  const damages: Record<string, () => Promise<void>> = {
    "cut short": async () => truncate(path, Math.floor((await stat(path)).size / 2 / 4096) * 4096),
    "with a header of zeros": () => overwrite(0, Buffer.alloc(100)),
    "with a page of zeros": () => overwrite(4096 * 6, Buffer.alloc(4096)),
    "with a page of noise": () => overwrite(4096 * 3, systemRandom.bytes(4096)),
    "that is something else": () => writeFile(path, "this is not a database\n".repeat(500)),
  };

  test.each(Object.keys(damages))("a file %s", async (how) => {
    await fill(200);
    await damages[how]!();
    const before = await readFile(path);
    expect(() => openSqliteStore(path, ports)).toThrow(
      new RegExp(
        `state.db is damaged \\(.+\\), so Tideway doesn't start on it. Keep a copy .* \\.recover`,
        "s",
      ),
    );
    expect(await readFile(path)).toEqual(before);
  });
});

/** A copy of a store of 20 widgets whose log went through other hands; one commit per widget, some after a checkpoint. */
async function afterCrash(change: (log: Buffer) => Buffer): Promise<string> {
  await using store = openSqliteStore(path, ports);
  for (let i = 0; i < 110; i++) await store.create(Widget, draft(`old${i}`));
  for (const name of await store.names(Widget)) await store.remove(Widget, (await store.get(Widget, name))!);
  for (let i = 0; i < 20; i++) await store.create(Widget, draft(`w${i}`));
  const copy = join(folder, "copy.db");
  await copyFile(path, copy);
  await writeFile(`${copy}-wal`, change(await readFile(`${path}-wal`)));
  return copy;
}
const namesIn = async (file: string) => {
  await using store = openSqliteStore(file, ports);
  return store.names(Widget);
};

describe("a log that was not merged yet, as a crash leaves it", () => {
  const FRAME = 24 + 4096;

  /** Where the frames that commit something begin. */
  const commits = (log: Buffer) => {
    const found: number[] = [];
    for (
      let at = 32;
      at + FRAME <= log.length && log.subarray(at + 8, at + 16).equals(log.subarray(16, 24));
      at += FRAME
    )
      if (log.readUInt32BE(at + 4) !== 0) found.push(at);
    return found;
  };

  test("is read whole", async () => {
    expect(await namesIn(await afterCrash((log) => log))).toHaveLength(20);
  });

  test("loses nothing by noise behind its last transaction", async () => {
    const copy = await afterCrash((log) =>
      Buffer.concat([log.subarray(0, commits(log).at(-1)! + FRAME), systemRandom.bytes(20_000)]),
    );
    expect(await namesIn(copy)).toHaveLength(20);
  });

  test("loses the last transaction alone when that is half written, as one that was never acknowledged", async () => {
    const copy = await afterCrash((log) =>
      log.fill(0, commits(log).at(-2)! + FRAME, commits(log).at(-1)! - 1),
    );
    expect(await namesIn(copy)).toHaveLength(19);
  });

  test.each([
    ["zeroed", (log: Buffer, at: number) => log.fill(0, at, at + FRAME)],
    ["flipped in one bit", (log: Buffer, at: number) => log.fill(log[at + 100]! ^ 1, at + 100, at + 101)],
  ])("is refused when a frame before its last transactions is %s, and left as it is", async (_, damage) => {
    const copy = await afterCrash((log) => damage(log, commits(log).at(-5)!));
    const before = await readFile(`${copy}-wal`);
    expect(() => openSqliteStore(copy, ports)).toThrow(
      /[45] transactions at the end of its log can't be read/,
    );
    expect((await readFile(`${copy}-wal`)).equals(before)).toBe(true);
    expect(() => openSqliteStore(copy, ports)).toThrow("copy.db is damaged");
  });
});

test("damage that shows up while the store is open ends the process, and until then nothing is answered", async () => {
  await fill(200);
  const ended: Error[] = [];
  await using store = openSqliteStore(path, { ...ports, fatal: (error) => ended.push(error) });
  // More than SQLite keeps in memory, so that it has to read the file again.
  for (let i = 0; i < 400; i++)
    await store.create(Widget, { ...draft(`big${i}`), spec: { size: 1, note: "x".repeat(20_000) } });
  await overwrite(4096, systemRandom.bytes(4096 * 100));
  await expect(store.list(Widget, { ...newestFirst, limit: 1_000 })).rejects.toThrow(
    "can't be trusted any more",
  );
  expect(ended).toHaveLength(1);
  await expect(store.get(Widget, "w0")).rejects.toThrow("can't be trusted any more");
  await expect(store.create(Widget, draft("new"))).rejects.toThrow("can't be trusted any more");
  expect(ended).toHaveLength(1);
});

test("a file in a folder that isn't there can't be opened, and the error names it", () => {
  const missing = join(folder, "missing", "state.db");
  expect(() => openSqliteStore(missing, ports)).toThrow(`can't open ${missing}`);
});
