/** The filter patterns of CloudWatch Logs: terms, JSON (`{ $.a = 1 }`) and columns (`[ip, status = 4*]`). */
import { columnsOf } from "./columns.ts";
import { InvalidPattern, parseColumns, parseJson, type Test } from "./expression.ts";
import { parseTerms } from "./terms.ts";

/** Whether a message is one that was asked for. */
export type Matcher = (message: string) => boolean;

/** Throws InvalidPattern. Time to match is linear in the message, whatever the pattern. */
export function parsePattern(pattern = ""): Matcher {
  const text = pattern.trim();
  if (text === "") return () => true;
  if (/(^|[\s=?-])%/.test(text))
    throw new InvalidPattern("regular expressions (%...%) are not supported by Tideway");
  if (text.startsWith("{")) return ofJson(parseJson(text));
  if (text.startsWith("[")) return ofColumns(parseColumns(text));
  return parseTerms(text);
}

function ofJson(test: Test): Matcher {
  return (message) => {
    if (!/^\s*[{[]/.test(message)) return false;
    try {
      const value: unknown = JSON.parse(message);
      return test((path) => path.reduce(step, value));
    } catch {
      return false;
    }
  };
}

/** One step of a selector; undefined where there is nothing. */
function step(value: unknown, key: string | number): unknown {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
  return (value as Record<string | number, unknown>)[key];
}

function ofColumns({ columns, rest }: ReturnType<typeof parseColumns>): Matcher {
  return (message) => {
    const found = columnsOf(message);
    // What `...` stands for is any number of columns.
    const before = rest < 0 ? columns.length : rest;
    const after = columns.length - before;
    if (rest < 0 ? found.length !== before : found.length < before + after) return false;
    const value = (index: number) =>
      index < before ? found[index] : found[found.length - columns.length + index];
    return columns.every((test, index) => test?.(() => value(index)) ?? true);
  };
}
