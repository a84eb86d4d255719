import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Database } from "../../../src/base/sqlite/database.ts";
import { GroupCommit } from "../../../src/base/sqlite/group-commit.ts";

let folder: string;
let database: Database;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "tideway-group-"));
  database = new Database(join(folder, "x.sqlite"), {
    migrations: ["CREATE TABLE t (n INTEGER PRIMARY KEY) STRICT"],
    fatal: () => {},
  });
});
afterAll(() => {
  database[Symbol.dispose]();
  rmSync(folder, { recursive: true });
});

const insert = (n: number) => () => database.run("INSERT INTO t (n) VALUES (?)", n).id;

test("what many write in one turn is written, and one that fails fails alone", async () => {
  const group = new GroupCommit(database);
  const failing = () => {
    insert(99)();
    throw new Error("no");
  };
  const results = await Promise.allSettled([
    group.write(insert(1)),
    group.write(failing),
    group.write(insert(2)),
  ]);
  expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  expect(database.all("SELECT n FROM t ORDER BY n")).toEqual([{ n: 1 }, { n: 2 }]);
  expect(await group.write(insert(3))).toBe(3);
});
