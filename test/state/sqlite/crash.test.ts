/** What a process that dies, or a disk that fails, leaves in the store's file: everything that was acknowledged. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { silentLog } from "../../../src/base/log.ts";
import { systemRandom } from "../../../src/base/random.ts";
import { openSqliteStore } from "../../../src/state/sqlite/sqlite-store.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { SeededRandom } from "../../support/seeded-random.ts";
import { Widget } from "../../support/widget.ts";

const program = fileURLToPath(new URL("./write-widgets.ts", import.meta.url));
/** Each write here waits for the disk, which others may keep busy. */
const SLOW_DISK_MS = 120_000;
/** A wrapper that meddles with the system calls on the file that follows. */
const strace = "strace";
const traced = [strace, "-f", "-qq", "-o", "/dev/null", "-P"];
const hasStrace = spawnSync(strace, ["-f", "-qq", "-e", "trace=none", "true"]).status === 0;

let folder = "";
let child: ChildProcess | undefined;
const path = () => join(folder, "state.db");

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "tideway-crash-"));
});
afterEach(async () => {
  child?.kill("SIGKILL");
  await rm(folder, { recursive: true });
});

/** Runs the writer; what it says comes line by line. Answers how it ended, and its last words. */
async function write(
  args: readonly (string | number)[],
  onLine: (line: string) => void,
  wrapper: readonly string[] = [],
): Promise<{ code: number | null; stderr: string }> {
  const [command = "", ...rest] = [...wrapper, process.execPath, program, path(), ...args.map(String)];
  const running = spawn(command, rest, { stdio: ["ignore", "pipe", "pipe"] });
  child = running;
  let partial = "";
  let stderr = "";
  running.stdout.setEncoding("utf8").on("data", (text: string) => {
    const lines = (partial + text).split("\n");
    partial = lines.pop()!;
    for (const line of lines) onLine(line);
  });
  running.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const [code] = (await once(running, "close")) as [number | null];
  return { code, stderr };
}

/** Each acknowledged version is there or a later one, every state has its event, and SQLite finds nothing wrong. */
async function expectKept(acknowledged: ReadonlyMap<string, number>): Promise<void> {
  await using store = openSqliteStore(path(), {
    clock: new FakeClock(),
    random: systemRandom,
    log: silentLog,
  });
  const lost: string[] = [];
  for (const [name, version] of acknowledged) {
    const found = await store.get(Widget, name);
    if ((found?.version ?? 0) < version) lost.push(`${name}@${version}`);
    const events = await store.events(Widget, name, 10);
    expect(events.map(({ to }) => to)).toEqual(["InService", "Creating"].slice(found?.version === 2 ? 0 : 1));
    expect(found?.status.state).toBe(events[0]?.to);
    expect((await store.tags(found!.arn))?.size).toBe(1);
  }
  expect(lost).toEqual([]);
  using database = disposable(new DatabaseSync(path(), { readOnly: true }));
  expect(database.prepare("PRAGMA integrity_check").get()).toEqual({ integrity_check: "ok" });
}

function disposable(database: DatabaseSync): DatabaseSync & Disposable {
  return Object.assign(database, { [Symbol.dispose]: () => database.close() });
}

test(
  "ten times kill -9 in the middle of writing: nothing that was acknowledged is lost",
  async () => {
    const random = new SeededRandom(60);
    const acknowledged = new Map<string, number>();
    for (let kill = 0; kill < 10; kill++) {
      const enough = 10 + random.number() * 80;
      let heard = 0;
      await write([acknowledged.size * 2], (line) => {
        const [, name = "", version] = line.split(" ");
        acknowledged.set(name, Number(version));
        if (++heard > enough) child?.kill("SIGKILL");
      });
      expect(heard).toBeGreaterThan(enough);
      await expectKept(acknowledged);
    }
    expect(acknowledged.size).toBeGreaterThan(100);
  },
  SLOW_DISK_MS,
);

test.skipIf(!hasStrace).each([
  ["the log's third", "-wal", 3],
  ["the log's tenth", "-wal", 10],
  ["the file's, when the log is merged into it,", "", 2],
])(
  "%s fsync fails: the process ends, and nothing acknowledged is lost (needs strace)",
  async (_, suffix, nth) => {
    const acknowledged = new Map<string, number>();
    const inject = ["-e", "trace=fsync,fdatasync", "-e", `inject=fsync,fdatasync:error=EIO:when=${nth}`];
    const { code, stderr } = await write(
      [0, 200],
      (line) => {
        const [, name = "", version] = line.split(" ");
        acknowledged.set(name, Number(version));
      },
      [...traced, `${path()}${suffix}`, ...inject],
    );
    expect(stderr).toContain("the database can't be trusted any more: disk I/O error");
    expect(code).not.toBe(0);
    expect(acknowledged.size).toBeLessThan(200);
    await expectKept(acknowledged);
  },
  SLOW_DISK_MS,
);

test.skipIf(!hasStrace)(
  "a full disk fails the write, not the store, which goes on when there is room (needs strace)",
  async () => {
    const lines: string[] = [];
    const { code, stderr } = await write([0, 40], (line) => lines.push(line), [
      ...traced,
      `${path()}-wal`,
      "-e",
      "trace=pwrite64",
      "-e",
      "inject=pwrite64:error=ENOSPC:when=60..80",
    ]);
    expect(stderr).toBe("");
    expect(code).toBe(0);
    const full = lines.filter((line) => line.startsWith("full"));
    expect(full.length).toBeGreaterThan(0);
    expect(lines.at(-1)).toBe("ack w39 2");
    const acknowledged = lines
      .filter((line) => line.startsWith("ack"))
      .map((line) => line.split(" ").slice(1));
    await expectKept(new Map(acknowledged.map(([name = "", version]) => [name, Number(version)])));
  },
  SLOW_DISK_MS,
);
