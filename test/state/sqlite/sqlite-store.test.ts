import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { silentLog } from "../../../src/base/log.ts";
import { systemRandom } from "../../../src/base/random.ts";
import { openSqliteStore } from "../../../src/state/sqlite/sqlite-store.ts";
import { newestFirst, resourceStoreContract } from "../../contracts/resource-store.ts";
import { draft, Widget } from "../../support/widget.ts";
import { FakeClock } from "../../support/fake-clock.ts";

let folder = "";
let opened = 0;
const fresh = () => join(folder, `${++opened}.db`);
const ports = () => ({ clock: new FakeClock(), random: systemRandom, log: silentLog });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tideway-sqlite-"));
});
afterAll(() => rm(folder, { recursive: true }));

resourceStoreContract("SqliteStore", async (given) => openSqliteStore(fresh(), { ...ports(), ...given }));

describe("SqliteStore: what lasts", () => {
  test("resources, tags, history and page tokens are there after a restart", async () => {
    const path = fresh();
    const query = { ...newestFirst, limit: 1 };
    let token: string | undefined;
    {
      await using store = openSqliteStore(path, ports());
      for (const name of ["a", "b"]) await store.create(Widget, draft(name, 7, { tags: { k: name } }));
      ({ next: token } = await store.list(Widget, query));
    }
    await using store = openSqliteStore(path, ports());
    const page = await store.list(Widget, { ...query, token });
    expect(page.items).toEqual([await store.get(Widget, "a")]);
    expect(page.next).toBeUndefined();
    expect(await store.tags("arn:widget/b")).toEqual(new Map([["k", "b"]]));
    expect(await store.events(Widget, "a", 10)).toHaveLength(1);
  });
});
