import { expect, test } from "vitest";
import { Deadlines } from "../../src/dataplane/deadlines.ts";
import { FakeClock } from "../support/fake-clock.ts";

test("each entry expires after its own time, on one timer per duration", async () => {
  const clock = new FakeClock();
  using deadlines = new Deadlines(clock);
  const expired: string[] = [];
  const entry = (name: string) => ({
    expiresAt: 0,
    expire: () => void expired.push(`${name}@${clock.monotonic()}`),
  });
  const [a, b, c, d] = ["a", "b", "c", "d"].map(entry);
  const list = deadlines.after(100);
  expect(deadlines.after(100)).toBe(list);
  list.set(a!);
  await clock.advance(40);
  list.set(b!);
  list.set(c!);
  deadlines.after(30).set(d!);
  expect(clock.pending).toBe(2);
  list.clear(c!);
  await clock.advance(40);
  expect(expired).toEqual(["d@70"]);
  list.set(a!); // starts anew
  await clock.advance(1000);
  expect(expired).toEqual(["d@70", "b@140", "a@180"]);
  expect(clock.pending).toBe(0);
});

test("one that starts anew as it expires delays no other", async () => {
  const clock = new FakeClock();
  using deadlines = new Deadlines(clock);
  const list = deadlines.after(100);
  const expired: string[] = [];
  const again = {
    expiresAt: 0,
    expire: () => {
      expired.push(`again@${clock.monotonic()}`);
      if (expired.length === 1) list.set(again);
    },
  };
  list.set(again);
  await clock.advance(40);
  list.set({ expiresAt: 0, expire: () => void expired.push(`other@${clock.monotonic()}`) });
  await clock.advance(1000);
  expect(expired).toEqual(["again@100", "other@140", "again@200"]);
  expect(clock.pending).toBe(0);
});

test("whatever is cleared, the others expire, in their order", async () => {
  const clock = new FakeClock();
  using deadlines = new Deadlines(clock);
  const list = deadlines.after(100);
  for (let cleared = 0; cleared < 2 ** 4; cleared++) {
    const expired: number[] = [];
    const entries = [0, 1, 2, 3].map((at) => ({ expiresAt: 0, expire: () => void expired.push(at) }));
    for (const entry of entries) list.set(entry);
    const isCleared = (at: number) => (cleared & (1 << at)) !== 0;
    for (const [at, entry] of entries.entries()) if (isCleared(at)) list.clear(entry);
    for (const entry of entries) deadlines.after(7).clear(entry); // it is in another one
    await clock.advance(200);
    expect(expired).toEqual([0, 1, 2, 3].filter((at) => !isCleared(at)));
  }
});

test("disposing cancels the timers", async () => {
  const clock = new FakeClock();
  const deadlines = new Deadlines(clock);
  deadlines.after(10).set({ expiresAt: 0, expire: () => expect.unreachable() });
  deadlines[Symbol.dispose]();
  expect(clock.pending).toBe(0);
  await clock.advance(100);
});
