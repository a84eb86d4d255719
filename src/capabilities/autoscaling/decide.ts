/**
 * What becomes of a target's capacity when its policies have said what they want: the most that any wants wins, less is
 * taken only when none wants more, and both wait for what an earlier change has yet to show.
 * https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html
 */

/** A change that was asked for, and what there was before it. */
export interface PastChange {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly from: number;
  readonly to: number;
}

/** What is known of a target when its policies are asked. */
export interface TargetState {
  readonly capacity: number;
  readonly min: number;
  readonly max: number;
  readonly outSuspended: boolean;
  readonly inSuspended: boolean;
  readonly lastOut?: PastChange | undefined;
  readonly lastIn?: PastChange | undefined;
}

/** A policy whose alarm is on. */
export interface Wish {
  readonly policy: string;
  /** What set it off, as a sentence. */
  readonly cause: string;
  /** Which way it may move the capacity. */
  readonly direction: "out" | "in" | "either";
  /** How long a change counts as not yet shown, in milliseconds. */
  readonly outCooldownMs: number;
  readonly inCooldownMs: number;
  /** The capacity it wants where there is this much; undefined where it wants no change. */
  readonly wanted: (capacity: number) => number | undefined;
}

/** Why nothing was changed though a policy asked: as DescribeScalingActivities names it. */
export type NotScaledCode = "AlreadyAtMaxCapacity" | "AlreadyAtMinCapacity" | "AlreadyAtDesiredCapacity";

export type Decision =
  | { readonly kind: "keep" }
  | { readonly kind: "scale"; readonly capacity: number; readonly wish: Wish }
  | { readonly kind: "not-scaled"; readonly code: NotScaledCode; readonly wish: Wish };

const KEEP: Decision = { kind: "keep" };

export function decide(target: TargetState, wishes: readonly Wish[], now: number): Decision {
  const asked = wishes.map((wish) => ({ wish, capacity: wantedNow(target, wish, now) }));
  const more = asked.filter(({ wish, capacity }) => wish.direction !== "in" && capacity > target.capacity);
  if (more.length > 0) {
    const { wish, capacity } = most(more);
    if (target.outSuspended) return KEEP;
    if (target.capacity >= target.max) return { kind: "not-scaled", code: "AlreadyAtMaxCapacity", wish };
    return { kind: "scale", capacity: Math.min(capacity, target.max), wish };
  }
  // who has had what it asked for, and waits to see it, still wants it
  if (wishes.some((wish) => wish.direction === "out")) return KEEP;
  const less = asked.filter(({ wish, capacity }) => wish.direction !== "out" && capacity < target.capacity);
  if (less.length === 0 || target.inSuspended) return KEEP;
  const { wish, capacity } = most(less);
  if (
    coolingDown(target.lastIn, wish.inCooldownMs, now) ||
    coolingDown(target.lastOut, wish.outCooldownMs, now)
  )
    return KEEP;
  if (target.capacity <= target.min) return { kind: "not-scaled", code: "AlreadyAtMinCapacity", wish };
  return { kind: "scale", capacity: Math.max(capacity, target.min), wish };
}

/**
 * While what was added last has yet to show, what is wanted is reckoned from what there was before, and only what is
 * beyond what was asked for then counts.
 */
function wantedNow({ capacity, lastOut }: TargetState, wish: Wish, now: number): number {
  if (!coolingDown(lastOut, wish.outCooldownMs, now)) return wish.wanted(capacity) ?? capacity;
  const wanted = wish.wanted(Math.min(lastOut!.from, capacity)) ?? capacity;
  return wanted > lastOut!.to ? wanted : capacity;
}

const coolingDown = (change: PastChange | undefined, cooldownMs: number, now: number) =>
  change !== undefined && now < change.at + cooldownMs;

const most = <Asked extends { readonly capacity: number }>(asked: readonly Asked[]): Asked =>
  asked.reduce((best, one) => (one.capacity > best.capacity ? one : best));
