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

test("disposing cancels the timers", async () => {
  const clock = new FakeClock();
  const deadlines = new Deadlines(clock);
  deadlines.after(10).set({ expiresAt: 0, expire: () => expect.unreachable() });
  deadlines[Symbol.dispose]();
  expect(clock.pending).toBe(0);
  await clock.advance(100);
});
