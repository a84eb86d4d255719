/** Pages under change: whatever comes, goes or moves between two pages, an item that stays is listed exactly once. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { silentLog } from "../../src/base/log.ts";
import { MemoryStore } from "../../src/state/memory-store.ts";
import { openSqliteStore } from "../../src/state/sqlite/sqlite-store.ts";
import type { ListQuery, ResourceStore } from "../../src/state/store.ts";
import { newestFirst } from "../contracts/resource-store.ts";
import { draft, Widget } from "../support/widget.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { SeededRandom } from "../support/seeded-random.ts";

let folder = "";
let opened = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tideway-pages-"));
});
afterAll(() => rm(folder, { recursive: true }));

const openSqlite = (clock: FakeClock): ResourceStore =>
  openSqliteStore(join(folder, `${++opened}.db`), { clock, random: new SeededRandom(), log: silentLog });
const openMemory = (clock: FakeClock): ResourceStore =>
  new MemoryStore({ clock, random: new SeededRandom() });

/** Few letters, so that names contain one another; some that mean something to LIKE. */
const name = fc.string({ unit: fc.constantFrom("a", "b", "A", "%", "_", "-"), minLength: 1, maxLength: 4 });
/** Times advance by little, so that many are equal. */
const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant("create" as const), name, wait: fc.nat(2), odd: fc.boolean() }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("update" as const), name, wait: fc.nat(2) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("remove" as const), name, wait: fc.nat(2) }) },
);
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

const time = fc.integer({ min: 0, max: 40 });
const filter: fc.Arbitrary<Partial<ListQuery>> = fc.oneof(
  fc.record({ nameContains: fc.string({ unit: fc.constantFrom("a", "B", "%", "_"), maxLength: 2 }) }),
  fc.record({ createdAfter: time }),
  fc.record({ createdBefore: time }),
  fc.record({ updatedAfter: time }),
  fc.record({ updatedBefore: time }),
  fc.record({ states: fc.subarray(["Creating", "InService"]) }),
  fc.record({ owner: fc.constantFrom("odd", "even") }),
);
/** Few filters at once, so that most queries find something. */
const query: fc.Arbitrary<ListQuery> = fc
  .tuple(
    fc.record({
      sortBy: fc.constantFrom("Name", "CreationTime", "LastModifiedTime", "Status"),
      descending: fc.boolean(),
      limit: fc.integer({ min: 1, max: 7 }),
    }),
    fc.array(filter, { maxLength: 2 }),
  )
  .map(([order, filters]) => Object.assign({}, order, ...filters) as ListQuery);

/** Returns the uid of the resource that the step touched, if it touched one. */
async function take(store: ResourceStore, clock: FakeClock, step: Step): Promise<string | undefined> {
  await clock.advance(step.wait);
  const found = await store.get(Widget, step.name);
  if (step.do === "create")
    return found
      ? undefined
      : (await store.create(Widget, draft(step.name, 1, { owner: step.odd ? "odd" : "even" }))).uid;
  if (!found) return undefined;
  if (step.do === "update") await store.update(Widget, found, { status: { state: "InService" } });
  else await store.remove(Widget, found);
  return found.uid;
}

describe.each([
  ["MemoryStore", openMemory, 200],
  // Each write waits for the disk.
  ["SqliteStore", openSqlite, 25],
])("%s", (_, open, numRuns) => {
  test("an item that nobody touches between the pages is listed exactly once, in its order", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 40 }),
        query,
        fc.array(step, { maxLength: 20 }),
        async (before, query, between) => {
          const clock = new FakeClock(0);
          await using store = open(clock);
          for (const one of before) await take(store, clock, one);
          const expected = (await store.list(Widget, { ...query, limit: 1_000 })).items.map(({ uid }) => uid);

          const changes = [...between];
          const touched = new Set<string>();
          const listed: string[] = [];
          for (let token: string | undefined; ;) {
            const page = await store.list(Widget, { ...query, token });
            expect(page.items.length).toBeLessThanOrEqual(query.limit);
            listed.push(...page.items.map(({ uid }) => uid));
            if (page.next === undefined) break;
            token = page.next;
            for (const one of changes.splice(0, 2)) touched.add((await take(store, clock, one)) ?? "");
          }
          const stable = (uids: readonly string[]) => uids.filter((uid) => !touched.has(uid));
          expect(stable(listed)).toEqual(stable(expected));
        },
      ),
      { numRuns },
    );
  });
});

test("both stores answer every query alike", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), query, async (steps, query) => {
      const [one, two] = [new FakeClock(0), new FakeClock(0)];
      await using memory = openMemory(one);
      await using sqlite = openSqlite(two);
      for (const step of steps) {
        await take(memory, one, step);
        await take(sqlite, two, step);
      }
      const plain = async (store: ResourceStore) =>
        (await store.list(Widget, query)).items.map((item) => ({ ...item, uid: "" }));
      expect(await plain(sqlite)).toEqual(await plain(memory));
      expect(await sqlite.names(Widget)).toEqual(await memory.names(Widget));
    }),
    { numRuns: 25 },
  );
});

test("10,000 resources: the time of a page is printed", async () => {
  const path = join(folder, "many.db");
  const ports = { clock: new FakeClock(), random: new SeededRandom(), log: silentLog };
  await openSqliteStore(path, ports)[Symbol.asyncDispose]();
  const database = new DatabaseSync(path);
  database.exec(`WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < 9999)
    INSERT INTO resources (kind, key, name, arn, uid, generation, version, state, created_at, updated_at, spec, status)
    SELECT 'Widget', 'widget-' || n, 'widget-' || n, 'arn:' || n, 'uid-' || n, 1, 1, 'Creating', n / 10, n / 10,
      json_object('size', n, 'note', hex(zeroblob(500))), '{"state":"Creating"}' FROM numbers`);
  database.close();
  await using store = openSqliteStore(path, ports);
  const figures: string[] = [];
  for (const [what, query] of [
    ["first page", newestFirst],
    ["by name", { ...newestFirst, sortBy: "Name" as const }],
    ["name contains", { ...newestFirst, nameContains: "99" }],
    ["in no state", { ...newestFirst, states: ["Failed"] }],
  ] as const) {
    const times: number[] = [];
    let token: string | undefined;
    for (let page = 0; page < 21; page++) {
      const start = performance.now();
      const { next } = await store.list(Widget, { ...query, token });
      times.push(performance.now() - start);
      token = next;
    }
    figures.push(`${what} ${times.sort((a, b) => a - b)[10]!.toFixed(2)} ms`);
  }
  console.log(`list of 100 of 10,000, p50: ${figures.join(", ")}`);
  expect(figures).toHaveLength(4);
});
