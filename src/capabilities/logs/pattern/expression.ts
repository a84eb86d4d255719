/** The conditions inside `{ ... }` and `[ ... ]`: read into a test on whatever the selectors select. */

/** The sentence is for whoever wrote the pattern. */
export class InvalidPattern extends Error {
  override readonly name = "InvalidPattern";
}

/** The value that a selector selects; undefined where there is none. */
type Select = (path: readonly (string | number)[]) => unknown;
export type Test = (select: Select) => boolean;

const TOKEN =
  /\s*(?:("(?:[^"\\]|\\.)*")|(&&|\|\||!=|<=|>=|[=<>(),[\]{}])|(\.\.\.)|((?:\$\.?)(?:[\w$@-]|\.|\['[^']*'\]|\["[^"]*"\]|\[\d+\])*)|([^\s=<>!&|(),[\]{}"]+))/y;
const DEEPEST = 32;

/** `{ ($.a = "x" && $.b > 3) || $.c IS NULL }` */
export function parseJson(pattern: string): Test {
  const tokens = new Tokens(pattern);
  tokens.expect("{");
  const test = either(tokens, jsonSelector);
  tokens.expect("}");
  tokens.end();
  return test;
}

/** `[ip, ..., status = 4* && status != 404, size]`: a test for each column that has one, and where `...` is. */
export function parseColumns(pattern: string): { columns: (Test | undefined)[]; rest: number } {
  const tokens = new Tokens(pattern);
  const columns: (Test | undefined)[] = [];
  let rest = -1;
  tokens.expect("[");
  do {
    if (tokens.take("...")) {
      if (rest >= 0) throw new InvalidPattern("... may be there once");
      rest = columns.length;
    } else if (tokens.isNamed()) {
      tokens.next();
      columns.push(undefined);
    } else columns.push(either(tokens, columnSelector));
  } while (tokens.take(","));
  tokens.expect("]");
  tokens.end();
  return { columns, rest };
}

type Selector = (tokens: Tokens) => readonly (string | number)[];

function either(tokens: Tokens, selector: Selector, depth = 0): Test {
  const tests = [both(tokens, selector, depth)];
  while (tokens.take("||")) tests.push(both(tokens, selector, depth));
  return (select) => tests.some((test) => test(select));
}

function both(tokens: Tokens, selector: Selector, depth: number): Test {
  const tests = [condition(tokens, selector, depth)];
  while (tokens.take("&&")) tests.push(condition(tokens, selector, depth));
  return (select) => tests.every((test) => test(select));
}

function condition(tokens: Tokens, selector: Selector, depth: number): Test {
  if (depth > DEEPEST) throw new InvalidPattern("it is nested too deep");
  if (tokens.take("(")) {
    const test = either(tokens, selector, depth + 1);
    tokens.expect(")");
    return test;
  }
  const path = selector(tokens);
  const operator = tokens.next();
  switch (operator) {
    case "=":
    case "!=": {
      const equal = equals(tokens.next());
      return (select) => {
        const value = select(path);
        return value !== undefined && equal(value) === (operator === "=");
      };
    }
    case "<":
    case "<=":
    case ">":
    case ">=": {
      const bound = numberOf(tokens.next());
      if (bound === undefined) throw new InvalidPattern(`${operator} is for numbers`);
      return (select) => {
        const value = numberOf(select(path));
        return value !== undefined && COMPARE[operator](value, bound);
      };
    }
    case "IS": {
      const what = tokens.next();
      const wanted = { NULL: null, TRUE: true, FALSE: false }[what];
      if (wanted === undefined) throw new InvalidPattern(`IS ${what} is not known`);
      return (select) => select(path) === wanted;
    }
    case "NOT":
      if (tokens.next() !== "EXISTS") throw new InvalidPattern("NOT is followed by EXISTS");
      return (select) => select(path) === undefined;
    default:
      throw new InvalidPattern(`a condition can not go on with ${operator || "nothing"}`);
  }
}

const COMPARE = {
  "<": (a: number, b: number) => a < b,
  "<=": (a: number, b: number) => a <= b,
  ">": (a: number, b: number) => a > b,
  ">=": (a: number, b: number) => a >= b,
};

/** A number equals numbers; a text may have `*` for anything. */
function equals(token: string): (value: unknown) => boolean {
  if (token === "" || /^[=<>!&|(),[\]{}]/.test(token)) throw new InvalidPattern("a value is missing");
  const quoted = token.startsWith('"');
  const text = quoted ? token.slice(1, -1).replace(/\\(.)/g, "$1") : token;
  const number = quoted ? undefined : numberOf(text);
  const parts = text.split("*");
  return (value) => {
    if (number !== undefined) return numberOf(value) === number;
    if (typeof value === "object" && value !== null) return false;
    return fits(String(value), parts);
  };
}

function fits(text: string, parts: readonly string[]): boolean {
  if (parts.length === 1) return text === parts[0];
  const last = parts.at(-1)!;
  let at = parts[0]!.length;
  if (!text.startsWith(parts[0]!)) return false;
  for (const part of parts.slice(1, -1)) {
    const found = text.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return text.length - last.length >= at && text.endsWith(last);
}

function numberOf(value: unknown): number | undefined {
  if (typeof value === "number") return value;
  if (typeof value !== "string" || !/^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(value)) return undefined;
  return Number(value);
}

/** `$.a.b[0]["c d"]` */
function jsonSelector(tokens: Tokens): (string | number)[] {
  const token = tokens.next();
  if (!token.startsWith("$")) throw new InvalidPattern("a property selector begins with $");
  const steps = token.slice(1).match(/\.?[\w$@-]+|\['[^']*'\]|\["[^"]*"\]|\[\d+\]/g) ?? [];
  if (steps.join("") !== token.slice(1))
    throw new InvalidPattern(`the property selector ${token} is not well formed`);
  return steps.map((one) => {
    if (/^\[\d/.test(one)) return Number(one.slice(1, -1));
    return one.startsWith("[") ? one.slice(2, -2) : one.replace(/^\./, "");
  });
}

function columnSelector(tokens: Tokens): string[] {
  const name = tokens.next();
  if (!/^[\w-]+$/.test(name)) throw new InvalidPattern("a column has a name");
  return [];
}

class Tokens {
  readonly #tokens: string[] = [];
  #at = 0;

  constructor(pattern: string) {
    const reader = new RegExp(TOKEN);
    const text = pattern.trim();
    while (reader.lastIndex < text.length) {
      const found = reader.exec(text);
      if (!found) throw new InvalidPattern("it has a character that means nothing there");
      this.#tokens.push(found[0].trim());
    }
  }

  /** An empty text behind the end. */
  next(): string {
    return this.#tokens[this.#at++] ?? "";
  }

  take(token: string): boolean {
    if (this.#tokens[this.#at] !== token) return false;
    this.#at += 1;
    return true;
  }

  expect(token: string): void {
    if (!this.take(token)) throw new InvalidPattern(`${token} is missing`);
  }

  /** Whether a column comes that only has a name. */
  isNamed(): boolean {
    return (
      /^[\w-]+$/.test(this.#tokens[this.#at] ?? "") && [",", "]"].includes(this.#tokens[this.#at + 1] ?? "")
    );
  }

  end(): void {
    if (this.#at < this.#tokens.length) throw new InvalidPattern("something follows its end");
  }
}
