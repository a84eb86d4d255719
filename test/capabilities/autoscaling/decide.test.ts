import { expect, test } from "vitest";
import { decide, type TargetState, type Wish } from "../../../src/capabilities/autoscaling/decide.ts";
import { trackedCapacity } from "../../../src/capabilities/autoscaling/target-tracking.ts";

const NOW = 1_000_000;
const state = (more: Partial<TargetState> = {}): TargetState => ({
  capacity: 4,
  min: 1,
  max: 10,
  outSuspended: false,
  inSuspended: false,
  ...more,
});
const wish = (wanted: Wish["wanted"], more: Partial<Wish> = {}): Wish => ({
  policy: "p",
  cause: "it had to",
  direction: "either",
  outCooldownMs: 300_000,
  inCooldownMs: 300_000,
  wanted,
  ...more,
});
/** The new capacity, or why there is none. */
function outcome(target: TargetState, ...wishes: Wish[]): number | string {
  const decision = decide(target, wishes, NOW);
  return decision.kind === "scale"
    ? decision.capacity
    : decision.kind === "not-scaled"
      ? decision.code
      : "keep";
}
const ago = (ms: number, from: number, to = 4) => ({ at: NOW - ms, from, to });

test("the most that is wanted wins, and nothing is taken while one wants more", () => {
  expect(outcome(state())).toBe("keep");
  expect(
    outcome(
      state(),
      wish(() => 5),
      wish(() => 7),
      wish(() => 2),
    ),
  ).toBe(7);
  expect(
    outcome(
      state(),
      wish(() => 2),
      wish(() => 3),
    ),
  ).toBe(3);
  expect(
    outcome(
      state(),
      wish(() => undefined),
      wish(() => 2),
    ),
  ).toBe(2);
});

test("never beyond the target's bounds, and it says when that is why nothing happens", () => {
  expect(
    outcome(
      state(),
      wish(() => 50),
    ),
  ).toBe(10);
  expect(
    outcome(
      state(),
      wish(() => -3),
    ),
  ).toBe(1);
  expect(
    outcome(
      state({ capacity: 10 }),
      wish(() => 50),
    ),
  ).toBe("AlreadyAtMaxCapacity");
  expect(
    outcome(
      state({ capacity: 1 }),
      wish(() => 0),
    ),
  ).toBe("AlreadyAtMinCapacity");
});

test("what is suspended does not happen; the other way does", () => {
  expect(
    outcome(
      state({ outSuspended: true }),
      wish(() => 7),
    ),
  ).toBe("keep");
  expect(
    outcome(
      state({ outSuspended: true }),
      wish(() => 2),
    ),
  ).toBe(2);
  expect(
    outcome(
      state({ inSuspended: true }),
      wish(() => 2),
    ),
  ).toBe("keep");
  expect(
    outcome(
      state({ inSuspended: true }),
      wish(() => 7),
    ),
  ).toBe(7);
});

test("a policy that may not take capacity away keeps the others from it only while it wants more", () => {
  const outOnly = wish((capacity) => capacity, { direction: "out" });
  expect(
    outcome(
      state(),
      wish(() => 2),
      outOnly,
    ),
  ).toBe("keep");
  expect(
    outcome(
      state(),
      wish(() => 2, { direction: "out" }),
    ),
  ).toBe("keep");
  expect(
    outcome(
      state(),
      wish(() => 9, { direction: "in" }),
    ),
  ).toBe("keep");
});

test("while what was added has yet to show, more is added only for more than led to it", () => {
  const half = wish((capacity) => trackedCapacity(capacity, 150, 100));
  const triple = wish((capacity) => trackedCapacity(capacity, 300, 100));
  const added = state({ capacity: 3, lastOut: ago(60_000, 2, 3) });
  expect(outcome(added, half)).toBe("keep");
  expect(outcome(added, triple)).toBe(6);
  expect(outcome(state({ capacity: 3, lastOut: ago(300_000, 2, 3) }), half)).toBe(5);
  // what was asked for then and did not come is not asked for again before its time
  expect(outcome(state({ capacity: 2, lastOut: ago(60_000, 2, 3) }), half)).toBe("keep");
});

test("less is taken only when an earlier change has had its time, whichever way it went", () => {
  const less = wish(() => 2);
  expect(outcome(state({ lastIn: ago(299_999, 8) }), less)).toBe("keep");
  expect(outcome(state({ lastIn: ago(300_000, 8) }), less)).toBe(2);
  expect(outcome(state({ lastOut: ago(299_999, 2) }), less)).toBe("keep");
  expect(outcome(state({ lastOut: ago(300_000, 2) }), less)).toBe(2);
  // more may be added at any time after something was taken
  expect(
    outcome(
      state({ lastIn: ago(1, 8) }),
      wish(() => 9),
    ),
  ).toBe(9);
});

test.each([
  [2, 150, 100, 3],
  [2, 100, 100, 2],
  [4, 20, 100, 1],
  [4, 0, 100, 0],
  [3, 70, 70, 3],
  [10, 0.7, 0.7, 10],
  [0, 0, 100, 0],
  [0, 5, 100, 1],
  [3, NaN, 100, 3],
  [3, 50, 0, 3],
])("%d at %d against a target of %d wants %d", (capacity, value, target, expected) => {
  expect(trackedCapacity(capacity, value, target)).toBe(expected);
});
