/** The value of a metric math expression: what it means to combine numbers, series and lists of series. */
import { FUNCTIONS, LISTS } from "./functions.ts";
import type { Expression, Operator } from "./parse.ts";
import { isSeries, mapSeries, type Series, type Value, zipSeries } from "./series.ts";
import { ExpressionError } from "./tokens.ts";

/** What an expression is evaluated in. */
export interface Scope {
  /** The result of the query of this Id; undefined where there is none. */
  value(id: string): Value | undefined;
  /** The metrics among the queries, without the expressions. */
  metrics(): readonly (readonly [id: string, series: Series])[];
  /** The metrics that a search finds; undefined periods are the scope's. */
  search(pattern: string, statistic: string, periodMs: number | undefined): readonly Series[];
  /** Where the first of the periods of this length begins. */
  from(periodMs: number): number;
  /** Exclusive. */
  readonly to: number;
}

/** Throws ExpressionError where operands do not fit. */
export function evaluate(expression: Expression, scope: Scope): Value {
  switch (expression.kind) {
    case "number":
      return expression.value;
    case "name": {
      const value = scope.value(expression.name);
      if (value === undefined) throw new ExpressionError(`Unknown Id '${expression.name}'`);
      return value;
    }
    case "minus":
      return each(evaluate(expression.operand, scope), (value) => -value);
    case "binary": {
      const { operator, left, right } = expression;
      return combine(operator, evaluate(left, scope), evaluate(right, scope));
    }
    case "list":
      return expression.items.flatMap((item) => {
        const value = evaluate(item, scope);
        if (typeof value === "number") throw unsupported("[]", [value]);
        return value;
      });
    case "call":
      return call(expression, scope);
    default:
      throw new ExpressionError(`A text is only allowed in METRICS and SEARCH: '${expression.text}'`);
  }
}

function call({ name, args }: Extract<Expression, { kind: "call" }>, scope: Scope): Value {
  const own = Object.hasOwn(LISTS, name) ? LISTS[name] : undefined;
  if (own) return own(args, scope);
  const known = Object.hasOwn(FUNCTIONS, name) ? FUNCTIONS[name] : undefined;
  if (!known) throw new ExpressionError(`The function ${name} does not exist, or Tideway does not have it`);
  const { least, most, run } = known;
  if (args.length < least || args.length > most)
    throw new ExpressionError(
      `${name} takes ${least === most ? least : `${least} to ${most}`} arguments, not ${args.length}`,
    );
  // FILL's second argument may be a word
  const keyword = name === "FILL" && args[1]?.kind === "name" ? args[1].name : undefined;
  const word = keyword === "REPEAT" || keyword === "LINEAR" ? keyword : undefined;
  const values = args.slice(0, word ? 1 : undefined).map((arg) => evaluate(arg, scope));
  const result = run(values, scope, word);
  if (result === undefined) throw unsupported(name, values);
  return result;
}

const ARITHMETIC: Readonly<Record<Operator, (a: number, b: number) => number>> = {
  "+": (a, b) => a + b,
  "-": (a, b) => a - b,
  "*": (a, b) => a * b,
  "/": (a, b) => a / b,
  "^": (a, b) => a ** b,
  "<": (a, b) => Number(a < b),
  "<=": (a, b) => Number(a <= b),
  ">": (a, b) => Number(a > b),
  ">=": (a, b) => Number(a >= b),
  "==": (a, b) => Number(a === b),
  "!=": (a, b) => Number(a !== b),
  AND: (a, b) => Number(a !== 0 && b !== 0),
  OR: (a, b) => Number(a !== 0 || b !== 0),
};

function combine(operator: Operator, left: Value, right: Value): Value {
  const join = ARITHMETIC[operator];
  if (typeof left === "number")
    return typeof right === "number" ? join(left, right) : each(right, (value) => join(left, value));
  if (typeof right === "number") return each(left, (value) => join(value, right));
  if (isSeries(left))
    return isSeries(right)
      ? zipSeries(left, right, join)
      : right.map((one) => ({ ...zipSeries(left, one, join), label: one.label }));
  if (isSeries(right)) return left.map((one) => ({ ...zipSeries(one, right, join), label: one.label }));
  throw unsupported(operator, [left, right]);
}

/** A change of each number in a value. */
export function each(value: Value, change: (value: number) => number): Value {
  if (typeof value === "number") return change(value);
  return isSeries(value) ? mapSeries(value, change) : value.map((series) => mapSeries(series, change));
}

/** In CloudWatch's words. */
function unsupported(what: string, values: readonly Value[]): ExpressionError {
  const kinds = values.map((value) =>
    typeof value === "number" ? "Scalar" : isSeries(value) ? "Time series" : "Array of time series",
  );
  return new ExpressionError(`Unsupported operand type(s) for ${what}: '[${kinds.join(", ")}]'`);
}
