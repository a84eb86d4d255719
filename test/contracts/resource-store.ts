import { describe, expect, test } from "vitest";
import { silentLog, type Log } from "../../src/base/log.ts";
import type { Resource } from "../../src/state/resource.ts";
import {
  AlreadyExists,
  BadToken,
  Conflict,
  TooManyTags,
  type ListQuery,
  type ResourceStore,
} from "../../src/state/store.ts";
import { draft, Gadget, Widget, type WidgetSpec } from "../support/widget.ts";
import { FakeClock, settle } from "../support/fake-clock.ts";

export const newestFirst: ListQuery = { sortBy: "CreationTime", descending: true, limit: 100 };

const namesOf = (items: readonly Resource[]) => items.map(({ name }) => name);

/** Every page of a query, until the last. */
export async function allPages(store: ResourceStore, query: ListQuery): Promise<string[]> {
  const found: string[] = [];
  for (let token: string | undefined; ;) {
    const page = await store.list(Widget, { ...query, token });
    expect(page.items.length).toBeLessThanOrEqual(query.limit);
    found.push(...namesOf(page.items));
    if (page.next === undefined) return found;
    token = page.next;
  }
}

/** What every resource store keeps to. `open` gives an empty store, closed by the suite. */
export function resourceStoreContract(
  title: string,
  open: (ports: { clock: FakeClock; log: Log }) => Promise<ResourceStore>,
): void {
  const withStore = (body: (store: ResourceStore, clock: FakeClock) => Promise<void>) => async () => {
    const clock = new FakeClock(1_000);
    await using store = await open({ clock, log: silentLog });
    await body(store, clock);
  };

  describe(`${title}: resources`, () => {
    test(
      "a created resource is answered as it is found later",
      withStore(async (store) => {
        const created = await store.create(Widget, draft("a", 3, { owner: "u1" }));
        expect(created).toMatchObject({
          name: "a",
          arn: "arn:widget/a",
          generation: 1,
          version: 1,
          createdAt: 1_000,
          updatedAt: 1_000,
          owner: "u1",
          spec: { size: 3 },
          status: { state: "Creating" },
        });
        expect(created).not.toHaveProperty("deletingAt");
        expect(await store.get(Widget, "a")).toEqual(created);
        expect(await store.get(Widget, "b")).toBeUndefined();
        expect(await store.get(Gadget, "a")).toBeUndefined();
      }),
    );

    test(
      "members that are undefined aren't kept, neither in the answer",
      withStore(async (store) => {
        const spec = { size: 1, note: undefined } as unknown as WidgetSpec;
        expect(Object.keys((await store.create(Widget, { ...draft("a"), spec })).spec)).toEqual(["size"]);
      }),
    );

    test(
      "what a caller does to an answer doesn't reach the store",
      withStore(async (store) => {
        const created = (await store.create(Widget, draft("a"))) as { spec: { size: number } };
        created.spec.size = 99;
        const found = (await store.get(Widget, "a")) as unknown as { spec: { size: number } };
        found.spec.size = 98;
        expect((await store.get(Widget, "a"))?.spec.size).toBe(1);
      }),
    );

    test(
      "a name is taken once per kind, and an ARN once",
      withStore(async (store) => {
        await store.create(Widget, draft("a"));
        await expect(store.create(Widget, draft("a"))).rejects.toThrow(AlreadyExists);
        await expect(store.create(Gadget, draft("a"))).rejects.toThrow(new AlreadyExists("arn:widget/a"));
        await store.create(Gadget, { ...draft("a"), arn: "arn:gadget/a" });
        await store.create(Widget, draft("A"));
        expect(await store.events(Widget, "a", 10)).toHaveLength(1);
      }),
    );

    test(
      "a kind that ignores case keeps the name as written and finds it in any case",
      withStore(async (store) => {
        await store.create(Gadget, draft("Iris"));
        expect((await store.get(Gadget, "iRIS"))?.name).toBe("Iris");
        await expect(store.create(Gadget, { ...draft("IRIS"), arn: "other" })).rejects.toThrow(
          new AlreadyExists("arn:widget/Iris"),
        );
        expect(await store.names(Gadget)).toEqual(["Iris"]);
        expect(await store.events(Gadget, "iris", 10)).toHaveLength(1);
      }),
    );

    test(
      "a change of spec grows the generation, each write the version",
      withStore(async (store, clock) => {
        const first = await store.create(Widget, draft("a"));
        await clock.advance(5);
        const second = await store.update(Widget, first, { spec: { size: 2 } });
        expect(second).toMatchObject({
          generation: 2,
          version: 2,
          createdAt: 1_000,
          updatedAt: 1_005,
          spec: { size: 2 },
        });
        const third = await store.update(Widget, second, { status: { state: "InService" } });
        expect(third).toMatchObject({
          generation: 2,
          version: 3,
          spec: { size: 2 },
          status: { state: "InService" },
        });
        expect(await store.get(Widget, "a")).toEqual(third);
      }),
    );

    test(
      "a write over a version that is gone is a conflict and changes nothing",
      withStore(async (store) => {
        const seen = await store.create(Widget, draft("a"));
        const newer = await store.update(Widget, seen, { spec: { size: 2 } });
        await expect(store.update(Widget, seen, { spec: { size: 3 } })).rejects.toThrow(Conflict);
        await expect(store.remove(Widget, seen)).rejects.toThrow(Conflict);
        expect(await store.get(Widget, "a")).toEqual(newer);

        await store.remove(Widget, newer);
        await expect(store.update(Widget, newer, { spec: { size: 3 } })).rejects.toThrow(Conflict);
        await store.create(Widget, draft("a"));
        await expect(store.remove(Widget, { ...newer, version: 1 })).rejects.toThrow(Conflict);
      }),
    );

    test(
      "only one of many that write at once wins",
      withStore(async (store) => {
        const seen = await store.create(Widget, draft("a"));
        const writes = Array.from({ length: 10 }, (_, size) =>
          store.update(Widget, seen, { spec: { size } }),
        );
        const outcomes = await Promise.allSettled(writes);
        expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
        expect((await store.get(Widget, "a"))?.version).toBe(2);
      }),
    );

    test(
      "a state takes only the arrows of its kind; staying is always allowed",
      withStore(async (store) => {
        const seen = await store.create(Widget, draft("a"));
        const same = await store.update(Widget, seen, { status: { state: "Creating", reason: "pulling" } });
        const failed = await store.update(Widget, same, { status: { state: "Failed" } });
        await expect(store.update(Widget, failed, { status: { state: "InService" } })).rejects.toThrow(
          "Widget a may not go from Failed to InService",
        );
        expect(await store.get(Widget, "a")).toEqual(failed);
      }),
    );

    test(
      "a resource asked to be deleted keeps the time of the first asking",
      withStore(async (store, clock) => {
        const seen = await store.create(Widget, draft("a"));
        await clock.advance(10);
        const deleting = await store.update(Widget, seen, { deleting: true });
        expect(deleting.deletingAt).toBe(1_010);
        await clock.advance(10);
        const again = await store.update(Widget, deleting, { deleting: true, status: { state: "Failed" } });
        expect(again.deletingAt).toBe(1_010);
        expect((await store.get(Widget, "a"))?.deletingAt).toBe(1_010);
        await store.remove(Widget, again);
        expect(await store.get(Widget, "a")).toBeUndefined();
      }),
    );

    test(
      "a second resource of one name differs from the first",
      withStore(async (store) => {
        const first = await store.create(Widget, draft("a"));
        await store.remove(Widget, first);
        const second = await store.create(Widget, draft("a"));
        expect(second.uid).not.toBe(first.uid);
        expect(second.version).toBe(1);
      }),
    );
  });

  describe(`${title}: history and watchers`, () => {
    test(
      "each change of state leaves an event, newest first",
      withStore(async (store, clock) => {
        const seen = await store.create(Widget, draft("a"));
        await clock.advance(10);
        const status = { state: "InService" } as const;
        const ready = await store.update(Widget, seen, { status, reason: "one instance is ready" });
        const same = await store.update(Widget, ready, { status, reason: "nothing new" });
        await clock.advance(10);
        await store.remove(Widget, same);
        const { uid } = seen;
        const common = { kind: "Widget", name: "a", uid };
        const expected = [
          { ...common, at: 1_020, from: "InService", to: "Deleted" },
          { ...common, at: 1_010, from: "Creating", to: "InService", reason: "one instance is ready" },
          { ...common, at: 1_000, to: "Creating" },
        ];
        expect(await store.events(Widget, "a", 10)).toEqual(expected);
        expect(await store.events(Widget, "a", 2)).toEqual(expected.slice(0, 2));
        expect(await store.eventsAfter(0, 10)).toEqual(
          expected.toReversed().map((event) => ({ ...event, position: expect.any(Number) })),
        );
        const [first, second] = await store.eventsAfter(0, 2);
        expect((await store.eventsAfter(first!.position, 1))[0]).toEqual(second);
        expect(await store.eventsAfter(await store.newestEvent(), 10)).toEqual([]);
        expect(await store.events(Widget, "b", 10)).toEqual([]);
      }),
    );

    test(
      "a watcher hears of each change after it can be read",
      withStore(async (store) => {
        const heard: string[] = [];
        const seenThen: (number | undefined)[] = [];
        const unwatch = store.watch(({ kind, name }) => {
          heard.push(`${kind}/${name}`);
          void store.get(Widget, name).then((found) => seenThen.push(found?.version));
        });
        const first = await store.create(Widget, draft("a"));
        const second = await store.update(Widget, first, { spec: { size: 2 } });
        await store.putTags("arn:widget/a", { k: "v" }, 50);
        await store.remove(Widget, second);
        expect(heard).toEqual(["Widget/a", "Widget/a", "Widget/a", "Widget/a"]);
        await settle();
        expect(seenThen).toEqual([1, 2, 2, undefined]);
        unwatch();
        await store.create(Widget, draft("b"));
        expect(heard).toHaveLength(4);
      }),
    );

    test(
      "a write that fails is not told",
      withStore(async (store) => {
        await store.create(Widget, draft("a"));
        let heard = 0;
        store.watch(() => heard++);
        await expect(store.create(Widget, draft("a"))).rejects.toThrow(AlreadyExists);
        expect(await store.putTags("arn:none", { k: "v" }, 50)).toBe(false);
        expect(heard).toBe(0);
      }),
    );

    test("a watcher that throws breaks neither the write nor the other watchers, and is logged", async () => {
      const errors: unknown[] = [];
      const log: Log = { ...silentLog, error: (_, facts) => errors.push(facts?.["error"]) };
      await using store = await open({ clock: new FakeClock(), log });
      const heard: string[] = [];
      store.watch(() => {
        throw new Error("broken watcher");
      });
      store.watch(({ name }) => heard.push(name));
      await store.create(Widget, draft("a"));
      expect(heard).toEqual(["a"]);
      expect(errors).toEqual([new Error("broken watcher")]);
      expect(await store.get(Widget, "a")).toBeDefined();
    });
  });

  describe(`${title}: tags`, () => {
    test(
      "tags are kept by ARN, sorted by key, and go with the resource",
      withStore(async (store) => {
        const seen = await store.create(Widget, draft("a", 1, { tags: { team: "ml" } }));
        expect(await store.putTags("arn:widget/a", { team: "data", env: "prod", Zone: "" }, 50)).toBe(true);
        const tags = await store.tags("arn:widget/a");
        expect([...tags!]).toEqual([
          ["Zone", ""],
          ["env", "prod"],
          ["team", "data"],
        ]);
        expect(await store.removeTags("arn:widget/a", ["env", "never-there"])).toBe(true);
        expect([...(await store.tags("arn:widget/a"))!.keys()]).toEqual(["Zone", "team"]);

        await store.remove(Widget, seen);
        expect(await store.tags("arn:widget/a")).toBeUndefined();
        expect(await store.putTags("arn:widget/a", { k: "v" }, 50)).toBe(false);
        expect(await store.removeTags("arn:widget/a", ["k"])).toBe(false);
        await store.create(Widget, draft("a"));
        expect((await store.tags("arn:widget/a"))?.size).toBe(0);
      }),
    );

    test(
      "too many tags are refused as a whole; those there already don't count twice",
      withStore(async (store) => {
        await store.create(Widget, draft("a", 1, { tags: { a: "1", b: "2" } }));
        await expect(store.putTags("arn:widget/a", { b: "3", c: "4", d: "5" }, 3)).rejects.toThrow(
          TooManyTags,
        );
        expect([...(await store.tags("arn:widget/a"))!]).toEqual([
          ["a", "1"],
          ["b", "2"],
        ]);
        await store.putTags("arn:widget/a", { b: "3", c: "4" }, 3);
        expect((await store.tags("arn:widget/a"))?.get("b")).toBe("3");
      }),
    );

    test(
      "keys that mean something to JavaScript are ordinary keys",
      withStore(async (store) => {
        await store.create(Widget, draft("a"));
        const tags = JSON.parse('{"__proto__":"x","constructor":"y"}') as Record<string, string>;
        await store.putTags("arn:widget/a", tags, 50);
        expect([...(await store.tags("arn:widget/a"))!]).toEqual([
          ["__proto__", "x"],
          ["constructor", "y"],
        ]);
      }),
    );
  });

  describe(`${title}: lists`, () => {
    test(
      "sorts by each column, both ways; equal values in the order they came",
      withStore(async (store, clock) => {
        for (const name of ["b", "a", "c"]) await store.create(Widget, draft(name));
        await clock.advance(10);
        await store.create(Widget, draft("B"));
        await store.create(Gadget, { ...draft("z"), arn: "arn:gadget/z" });
        const b = (await store.get(Widget, "b"))!;
        await clock.advance(10);
        await store.update(Widget, b, { status: { state: "InService" } });
        const by = (sortBy: ListQuery["sortBy"], descending: boolean) =>
          allPages(store, { sortBy, descending, limit: 2 }).then((names) => names.join(""));
        expect(await by("CreationTime", false)).toBe("bacB");
        expect(await by("CreationTime", true)).toBe("Bcab");
        expect(await by("LastModifiedTime", false)).toBe("acBb");
        expect(await by("Name", false)).toBe("Babc");
        expect(await by("Name", true)).toBe("cbaB");
        expect(await by("Status", false)).toBe("acBb");
        expect(await by("Status", true)).toBe("bBca");
      }),
    );

    test(
      "filters, each alone and together; bounds of time exclude",
      withStore(async (store, clock) => {
        for (const [index, name] of ["iris-1", "Iris-2", "wine", "100%_sure"].entries()) {
          const owner = index % 2 ? "odd" : "even";
          const created = await store.create(Widget, draft(name, 1, { owner }));
          await clock.advance(10);
          if (index === 2) await store.update(Widget, created, { status: { state: "Failed" } });
        }
        const find = async (filter: Partial<ListQuery>) =>
          namesOf(
            (await store.list(Widget, { sortBy: "CreationTime", descending: false, limit: 100, ...filter }))
              .items,
          );
        expect(await find({ nameContains: "iris" })).toEqual(["iris-1", "Iris-2"]);
        expect(await find({ nameContains: "%" })).toEqual(["100%_sure"]);
        expect(await find({ nameContains: "i_e" })).toEqual([]);
        expect(await find({ nameContains: "" })).toHaveLength(4);
        expect(await find({ createdAfter: 1_010 })).toEqual(["wine", "100%_sure"]);
        expect(await find({ createdBefore: 1_010 })).toEqual(["iris-1"]);
        expect(await find({ createdAfter: 1_000, createdBefore: 1_020 })).toEqual(["Iris-2"]);
        expect(await find({ updatedAfter: 1_029 })).toEqual(["wine", "100%_sure"]);
        expect(await find({ updatedBefore: 1_030 })).toEqual(["iris-1", "Iris-2"]);
        expect(await find({ states: ["Failed"] })).toEqual(["wine"]);
        expect(await find({ states: ["Failed", "Creating"] })).toHaveLength(4);
        expect(await find({ states: [] })).toEqual([]);
        expect(await find({ owner: "even" })).toEqual(["iris-1", "wine"]);
        expect(await find({ owner: "even", states: ["Creating"], nameContains: "IRIS" })).toEqual(["iris-1"]);
      }),
    );

    test(
      "a page that ends with the last row has no token",
      withStore(async (store) => {
        for (const name of ["a", "b"]) await store.create(Widget, draft(name));
        expect((await store.list(Widget, { ...newestFirst, limit: 2 })).next).toBeUndefined();
        expect((await store.list(Widget, { ...newestFirst, limit: 1 })).next).toMatch(/^[\w-]+$/);
        expect(await store.list(Gadget, newestFirst)).toEqual({ items: [] });
      }),
    );

    test(
      "a token holds for its query alone, in any page size, and can't be forged",
      withStore(async (store) => {
        for (const name of ["a", "b", "c"]) await store.create(Widget, draft(name));
        const query = { ...newestFirst, nameContains: "", limit: 1 };
        const { next: token } = await store.list(Widget, query);
        expect(namesOf((await store.list(Widget, { ...query, limit: 9, token })).items)).toEqual(["b", "a"]);

        const others: Partial<ListQuery>[] = [
          { descending: false },
          { sortBy: "Name" },
          { nameContains: "a" },
          { nameContains: undefined },
          { states: [] },
          { owner: "x" },
          { createdAfter: 0 },
        ];
        for (const other of others)
          await expect(store.list(Widget, { ...query, ...other, token })).rejects.toThrow(BadToken);
        await expect(store.list(Gadget, { ...query, token })).rejects.toThrow(BadToken);

        const bytes = Buffer.from(token!, "base64url");
        const flipped = Array.from(bytes, (_, index) => {
          const copy = Buffer.from(bytes);
          copy[index]! ^= 1;
          return copy.toString("base64url");
        });
        const forged = [
          ...flipped,
          "",
          "x",
          `${token}=`,
          `${token} `,
          `${token}AAAA`,
          token!.slice(0, -4),
          "§".repeat(9),
        ];
        for (const token of forged)
          await expect(store.list(Widget, { ...query, token })).rejects.toThrow(BadToken);
      }),
    );
  });
}
