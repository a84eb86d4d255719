import { spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { systemClock } from "../../../src/base/clock.ts";
import { silentLog } from "../../../src/base/log.ts";
import { systemRandom } from "../../../src/base/random.ts";
import { migrate } from "../../../src/base/sqlite/migrate.ts";
import { migrations } from "../../../src/state/sqlite/migrations.ts";
import { openSqliteStore } from "../../../src/state/sqlite/sqlite-store.ts";

const STEPS = [
  ["CREATE TABLE a (x INTEGER)", "INSERT INTO a VALUES (1), (2)"],
  ["ALTER TABLE a ADD COLUMN y INTEGER", "UPDATE a SET y = x * 10"],
  ["CREATE INDEX a_by_y ON a (y)", "DELETE FROM a WHERE y = 10"],
];
const steps = STEPS.map((statements) => statements.join(";"));

let folder = "";
let path = "";

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "tideway-schema-"));
  path = join(folder, "state.db");
});
afterEach(() => rm(folder, { recursive: true }));

function inDatabase<Result>(work: (database: DatabaseSync) => Result): Result {
  const database = new DatabaseSync(path);
  try {
    return work(database);
  } finally {
    database.close();
  }
}
const version = (database: DatabaseSync) => database.prepare("PRAGMA user_version").get()?.["user_version"];

test.each([0, 1, 2, 3])("a database of version %i becomes the newest, with what it holds", (from) => {
  inDatabase((database) => migrate(database, path, steps.slice(0, from)));
  inDatabase((database) => {
    expect(version(database)).toBe(from);
    migrate(database, path, steps);
    expect(version(database)).toBe(3);
    expect(database.prepare("SELECT x, y FROM a").all()).toEqual([{ x: 2, y: 20 }]);
  });
});

test("killed at any statement of a migration, the next start finishes it", () => {
  const program = fileURLToPath(new URL("./migrate-and-die.ts", import.meta.url));
  const places = STEPS.flatMap((statements, step) =>
    [...statements.keys(), statements.length].map((at) => [step, at] as const),
  );
  for (const [step, at] of places) {
    path = join(folder, `${step}-${at}.db`);
    const deadly = STEPS.map((statements, index) =>
      (index === step ? statements.toSpliced(at, 0, "SELECT die()") : statements).join(";"),
    );
    const { signal } = spawnSync(process.execPath, [program, path, JSON.stringify(deadly)]);
    expect(signal).toBe("SIGKILL");
    inDatabase((database) => {
      expect(version(database)).toBe(step);
      migrate(database, path, steps);
      expect(database.prepare("SELECT x, y FROM a").all()).toEqual([{ x: 2, y: 20 }]);
    });
  }
});

test("a step that fails leaves the database at the version before it", () => {
  inDatabase((database) => {
    expect(() =>
      migrate(database, path, [steps[0]!, "CREATE TABLE b (x); INSERT INTO nowhere VALUES (1)"]),
    ).toThrow("nowhere");
    expect(version(database)).toBe(1);
    expect(database.prepare("SELECT name FROM sqlite_schema").all()).toEqual([{ name: "a" }]);
  });
});

test("a database of a newer Tideway is refused in a sentence, and not touched", async () => {
  inDatabase((database) =>
    database.exec(`CREATE TABLE future (x); PRAGMA user_version = ${migrations.length + 1}`),
  );
  const before = await readFile(path);
  const ports = { clock: systemClock, random: systemRandom, log: silentLog };
  expect(() => openSqliteStore(path, ports)).toThrow(
    `${path} was written by a newer Tideway (schema ${migrations.length + 1}; this one knows up to ${migrations.length}).`,
  );
  // Byte 18 and 19 say how to read the file and 24 on counts changes: it became a WAL database, no more.
  expect((await readFile(path)).subarray(100)).toEqual(before.subarray(100));
});
