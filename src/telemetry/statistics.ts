/** CloudWatch's statistics, by the names that its callers write: "Average", "p99", "tm90", "TC(10%:90%)", "PR(:300)". */
import type { Point } from "./point.ts";
import type { Part, Sketch } from "./sketch.ts";

/** What a statistic says of a point; undefined where the point does not tell (percentiles of a statistic set). */
export type Statistic = (point: Point) => number | undefined;

const SIMPLE: Readonly<Record<string, Statistic>> = {
  SampleCount: ({ count }) => count,
  Sum: ({ sum }) => sum,
  Average: ({ sum, count }) => sum / count,
  Minimum: ({ min }) => min,
  Maximum: ({ max }) => max,
  IQM: (point) => ranged("TM", share(25), share(75))(point),
};

const PERCENTAGE = String.raw`100(?:\.0{0,10})?|\d{1,2}(?:\.\d{0,10})?`;
const SHORT = new RegExp(`^(p|tm|wm|tc|ts)(${PERCENTAGE})$`);
const SHARES = new RegExp(`^(TM|WM|TC|TS)\\((?:(${PERCENTAGE})%)?:(?:(${PERCENTAGE})%)?\\)$`);
const VALUES = /^(TM|WM|TC|TS|PR)\((-?\d+(?:\.\d*)?)?:(-?\d+(?:\.\d*)?)?\)$/;

/** The statistic of this name; undefined where there is none. */
export function statistic(name: string): Statistic | undefined {
  if (Object.hasOwn(SIMPLE, name)) return SIMPLE[name];
  const [, kind, percentage] = SHORT.exec(name) ?? [];
  if (kind === "p") return percentile(Number(percentage) / 100);
  if (kind) return ranged(kind.toUpperCase(), share(0), share(Number(percentage)));
  const [, byShare, low, high] = SHARES.exec(name) ?? [];
  if (byShare && (low ?? high) !== undefined)
    return ranged(byShare, share(Number(low ?? 0)), share(Number(high ?? 100)));
  const [, byValue, from, to] = VALUES.exec(name) ?? [];
  if (byValue && (from ?? to) !== undefined)
    return ranged(byValue, { value: Number(from ?? -Infinity) }, { value: Number(to ?? Infinity) });
  return undefined;
}

/** Where a range begins or ends: at a share of the values in their order, or at a value. */
type Bound = { readonly share: number } | { readonly value: number };

const share = (percentage: number): Bound => ({ share: percentage / 100 });

function percentile(part: number): Statistic {
  return ({ sketch, min, max }) =>
    sketch && sketch.count > 0 ? Math.min(max, Math.max(min, sketch.quantile(part))) : undefined;
}

function ranged(kind: string, from: Bound, to: Bound): Statistic {
  return ({ sketch, min, max, count }) => {
    if (!sketch || count === 0) return undefined;
    const inside = partOf(sketch, from, to);
    if (kind === "TC") return inside.count;
    if (kind === "TS") return inside.sum;
    if (kind === "PR") return (100 * inside.count) / count;
    if (kind === "TM") return inside.count > 0 ? inside.sum / inside.count : undefined;
    // WM: what lies outside counts as if it lay at the range's end
    const end = (bound: Bound) =>
      Math.min(max, Math.max(min, "share" in bound ? sketch.quantile(bound.share) : bound.value));
    const below = "share" in from ? from.share * count : sketch.within(-Infinity, from.value).count;
    const above = count - below - inside.count;
    return (inside.sum + below * end(from) + above * end(to)) / count;
  };
}

function partOf(sketch: Sketch, from: Bound, to: Bound): Part {
  return "share" in from
    ? sketch.between(from.share, (to as { share: number }).share)
    : sketch.within(from.value, (to as { value: number }).value);
}
