/** SEARCH: which metrics a pattern such as `{AWS/SageMaker,EndpointName} MetricName="Invocations" iris` means. */
import type { Metric } from "../metric.ts";
import { ExpressionError } from "./tokens.ts";

interface Term {
  /** MetricName, Namespace or a dimension; undefined looks into all of them. */
  readonly property?: string;
  readonly text: string;
  readonly exact: boolean;
  readonly not: boolean;
}

interface Search {
  readonly namespace?: string;
  /** The metric has these dimensions, and no others. */
  readonly dimensions?: readonly string[];
  /** One of the lists, each of it. */
  readonly either: readonly (readonly Term[])[];
}

/** Whether a metric is meant; throws ExpressionError for a pattern that is none. */
export function searchMatcher(pattern: string): (metric: Metric) => boolean {
  const { namespace, dimensions, either } = parseSearch(pattern);
  return (metric) => {
    if (namespace !== undefined && metric.namespace !== namespace) return false;
    if (dimensions) {
      const names = metric.dimensions.map(([name]) => name);
      if (names.length !== dimensions.length || !dimensions.every((name) => names.includes(name)))
        return false;
    }
    return either.some((terms) => terms.every((term) => holds(term, metric) !== term.not));
  };
}

const SCHEMA = /^\s*\{([^}]*)\}/;
const TERM = /\s*(?:([A-Za-z0-9_./:-]+)\s*=\s*)?(?:"([^"]*)"|([^\s"=()]+))/y;

function parseSearch(pattern: string): Search {
  const [schema = "", inner] = SCHEMA.exec(pattern) ?? [];
  const [namespace, ...dimensions] = inner?.split(",").map((part) => part.trim().replace(/^"|"$/g, "")) ?? [];
  if (inner !== undefined && !namespace)
    throw new ExpressionError("SEARCH: the braces begin with a namespace");
  const text = pattern.slice(schema.length);
  const either: Term[][] = [[]];
  let not = false;
  for (let at = 0; text.slice(at).trim() !== ""; at = TERM.lastIndex) {
    TERM.lastIndex = at;
    const match = TERM.exec(text);
    if (!match)
      throw new ExpressionError(
        `SEARCH: '${text.slice(at).trim().slice(0, 20)}' is not understood; parentheses are not supported by Tideway`,
      );
    const [, property, quoted, bare] = match;
    if (property === undefined && bare === "AND") continue;
    if (property === undefined && bare === "OR") either.push([]);
    else if (property === undefined && bare === "NOT") not = !not;
    else {
      const exact = quoted !== undefined;
      either.at(-1)!.push({ ...(property !== undefined && { property }), text: quoted ?? bare!, exact, not });
      not = false;
    }
  }
  if (inner === undefined && either.every((terms) => terms.length === 0))
    throw new ExpressionError("SEARCH: a namespace in braces or a term is needed");
  return namespace ? { namespace, dimensions, either } : { either };
}

function holds({ property, text, exact }: Term, { namespace, name, dimensions }: Metric): boolean {
  const all: readonly (readonly [string, string])[] = [
    ["Namespace", namespace],
    ["MetricName", name],
    ...dimensions,
  ];
  const found =
    property === undefined ? all.flat() : all.filter(([key]) => key === property).map(([, v]) => v);
  return found.some((value) => (exact ? value === text : value.toLowerCase().includes(text.toLowerCase())));
}
