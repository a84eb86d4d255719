import { expect, test } from "vitest";
import type { Clock } from "../../src/base/clock.ts";
import { EventLoopWatch, LagJudge } from "../../src/base/event-loop.ts";

/** Samples, one each 100 ms and the lag, for so long: when the judgement changed. */
function judge(judge: LagJudge, from: number, ms: number, lag: (now: number) => number): [number, string[]] {
  const changes: string[] = [];
  let now = from;
  for (; now < from + ms; now += 100 + lag(now)) {
    const before = judge.overloaded;
    judge.sample(now, lag(now));
    if (before !== judge.overloaded) changes.push(`${judge.overloaded ? "overloaded" : "fine"} at ${now} ms`);
  }
  return [now, changes];
}

test("late for 5 s is too much; on time for 1 s is fine again", () => {
  const one = new LagJudge();
  const [later, changes] = judge(one, 0, 10_000, () => 300);
  expect(changes).toEqual(["overloaded at 5200 ms"]);
  expect(judge(one, later, 3000, () => 0)[1]).toEqual([`fine at ${later + 1000} ms`]);
});

test.each([
  ["a little late all the time", () => 200],
  ["a pause of a minute now and then", (now: number) => (Math.floor(now / 100) % 20 === 7 ? 60_000 : 0)],
  ["late for 4 s, on time once, late again", (now: number) => (now % 4400 < 100 ? 0 : 330)],
])("%s is not", (_what, lag) => {
  expect(judge(new LagJudge(), 0, 100_000, lag)[1]).toEqual([]);
});

test("samples the clock's own lateness, until it is disposed of", () => {
  let now = 0;
  let fire: (() => void) | undefined;
  const clock: Clock = {
    now: () => now,
    monotonic: () => now,
    after(_delay, callback) {
      fire = callback;
      return () => (fire = undefined);
    },
  };
  const watch = new EventLoopWatch(clock);
  for (let i = 0; i < 14; i++) {
    now += 400;
    fire!();
  }
  expect(watch.overloaded).toBe(true);
  for (let i = 0; i < 12; i++) {
    now += 100;
    fire!();
  }
  expect(watch.overloaded).toBe(false);
  watch[Symbol.dispose]();
  expect(fire).toBeUndefined();
});
