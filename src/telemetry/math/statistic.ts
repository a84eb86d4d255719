/** CloudWatch's statistics by name: `Sum`, `p99.9`, `tm(10%:90%)`, `PR(0:500)`, `IQM`. */
import type { Point } from "../point.ts";
import type { Part } from "../sketch.ts";

/** A number that a point has; undefined where its data do not tell. */
export type Statistic = (point: Point) => number | undefined;

const PLAIN: Readonly<Record<string, Statistic>> = {
  SampleCount: ({ count }) => count,
  Sum: ({ sum }) => sum,
  Average: ({ sum, count }) => (count ? sum / count : undefined),
  Minimum: ({ min }) => min,
  Maximum: ({ max }) => max,
};

/** Which of the ranks (or values) a trimmed statistic leaves. */
interface Span {
  readonly from: number;
  readonly to: number;
  readonly of: "shares" | "values";
}

const PERCENTILE = /^p(\d{1,3}(?:\.\d{1,10})?)$/i;
const TRIMMED = /^(tm|wm|tc|ts)(\d{1,2}(?:\.\d{1,10})?|100)$/i;
const RANGED = /^(tm|wm|tc|ts|pr)\(\s*([^:()\s]*)\s*:\s*([^:()\s]*)\s*\)$/i;

/** Undefined for what is no statistic of CloudWatch. */
export function statisticOf(name: string): Statistic | undefined {
  if (Object.hasOwn(PLAIN, name)) return PLAIN[name];
  const [, percent] = PERCENTILE.exec(name) ?? [];
  if (percent !== undefined) {
    const share = Number(percent) / 100;
    return share <= 1 ? (point) => percentile(point, share) : undefined;
  }
  if (/^IQM$/i.test(name)) return trimmed("tm", { from: 0.25, to: 0.75, of: "shares" });
  const [, plain, top] = TRIMMED.exec(name) ?? [];
  if (plain !== undefined)
    return trimmed(plain.toLowerCase() as Trimmed, { from: 0, to: Number(top) / 100, of: "shares" });
  const [, kind, low = "", high = ""] = RANGED.exec(name) ?? [];
  const span = kind === undefined ? undefined : spanOf(low, high);
  if (kind === undefined || !span || (kind.toLowerCase() === "pr" && span.of === "shares")) return undefined;
  return trimmed(kind.toLowerCase() as Trimmed, span);
}

/** Whether it needs to know how values lie, as all but the five plain ones do. */
export const isExtended = (name: string) => !Object.hasOwn(PLAIN, name);

/** Within a percent of the value by the sketch, and never outside of what was measured. */
function percentile({ sketch, min, max, count }: Point, share: number): number | undefined {
  if (!sketch || !count) return undefined;
  if (share === 0) return min;
  if (share === 1) return max;
  return Math.min(max, Math.max(min, sketch.quantile(share)));
}

/** `10%:90%` are shares, `0:500` are values; an empty end is open. */
function spanOf(low: string, high: string): Span | undefined {
  const given = [low, high].filter((end) => end !== "");
  if (!given.length || !given.every((end) => /^-?\d+(\.\d+)?%?$/.test(end))) return undefined;
  const shares = given.filter((end) => end.endsWith("%")).length;
  if (shares && shares !== given.length) return undefined;
  const value = (end: string, open: number) =>
    end === "" ? open : shares ? Number(end.slice(0, -1)) / 100 : Number(end);
  const span: Span = shares
    ? { from: value(low, 0), to: value(high, 1), of: "shares" }
    : { from: value(low, -Infinity), to: value(high, Infinity), of: "values" };
  const inRange = span.of === "values" || (span.from >= 0 && span.to <= 1);
  return inRange && span.from < span.to ? span : undefined;
}

type Trimmed = "tm" | "wm" | "tc" | "ts" | "pr";

function trimmed(kind: Trimmed, span: Span): Statistic {
  return (point) => {
    const { sketch, count } = point;
    if (!sketch || !count) return undefined;
    const part =
      span.of === "shares" ? sketch.between(span.from, span.to) : sketch.within(span.from, span.to);
    switch (kind) {
      case "tm":
        return part.count ? part.sum / part.count : undefined;
      case "ts":
        return part.sum;
      case "tc":
        return Math.round(part.count);
      case "pr":
        return (part.count / count) * 100;
      default:
        return winsorized(point, part, span);
    }
  };
}

/** What lies outside counts as the nearest that lies inside. */
function winsorized(point: Point, part: Part, { from, to, of }: Span): number | undefined {
  const { sketch, count, min, max } = point;
  if (!sketch) return undefined;
  if (of === "shares") {
    const [low, high] = [percentile(point, from) ?? min, percentile(point, to) ?? max];
    return (part.sum + from * count * low + (1 - to) * count * high) / count;
  }
  const below = sketch.within(-Infinity, from).count;
  const above = sketch.within(to, Infinity).count;
  return (part.sum + (below ? below * from : 0) + (above ? above * to : 0)) / count;
}
