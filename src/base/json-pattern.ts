/**
 * What a subscription or a rule wants: all keys of its pattern must match, each by one of its conditions.
 * https://docs.aws.amazon.com/sns/latest/dg/sns-subscription-filter-policies.html
 * https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
 */

/** Says of one value whether it is wanted. */
type Condition = (value: Value) => boolean;
type Value = string | number | boolean | null;

interface Leaf {
  readonly conditions: readonly Condition[];
  /** What `exists` says, where it is among the conditions. */
  readonly exists: boolean | undefined;
  readonly absent: boolean;
}

/** A pattern that was read. */
export interface JsonPattern {
  readonly leaves: ReadonlyMap<string, Leaf>;
  /** Objects within objects. */
  readonly nested: ReadonlyMap<string, JsonPattern>;
  /** Of each of these lists, one pattern must match as well. */
  readonly alternatives: readonly (readonly JsonPattern[])[];
}

/** What is wrong with a pattern, in a sentence. */
export class BadPattern extends Error {
  override readonly name = "BadPattern";
}

/** Reads a pattern; only one that `nests` may have keys within keys. */
export function parseJsonPattern(text: string, nests: boolean): JsonPattern {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw new BadPattern("failed to parse JSON");
  }
  return readObject(parsed, nests);
}

/** Whether an object is as the pattern wants it. */
export function matchesPattern(pattern: JsonPattern, values: unknown): boolean {
  if (typeof values !== "object" || values === null || Array.isArray(values)) return false;
  const record = values as Readonly<Record<string, unknown>>;
  const at = (key: string) => (Object.hasOwn(record, key) ? record[key] : undefined);
  for (const [key, leaf] of pattern.leaves) if (!matchesLeaf(leaf, at(key))) return false;
  for (const [key, inner] of pattern.nested) {
    const value = at(key);
    // objects in an array: one of them must match; in an object that is not there, nothing exists
    if (
      !(Array.isArray(value) ? value : [value === undefined ? {} : value]).some((one) =>
        matchesPattern(inner, one),
      )
    )
      return false;
  }
  return pattern.alternatives.every((list) => list.some((one) => matchesPattern(one, values)));
}

function matchesLeaf({ conditions, exists, absent }: Leaf, value: unknown): boolean {
  if (value === undefined) return absent;
  if (exists) return true;
  const candidates: unknown[] = Array.isArray(value) ? value : [value];
  return candidates.some((one) => isValue(one) && conditions.some((condition) => condition(one)));
}

function readObject(given: unknown, nests: boolean): JsonPattern {
  if (!isRecord(given)) throw new BadPattern("Filter is not an object");
  const leaves = new Map<string, Leaf>();
  const nested = new Map<string, JsonPattern>();
  const alternatives: JsonPattern[][] = [];
  for (const [key, value] of Object.entries(given)) {
    // a field may be called $or as well: then its conditions are no list of patterns
    if (key === "$or" && Array.isArray(value) && value.length >= 2 && value.every(isRecord))
      alternatives.push(value.map((one) => readObject(one, nests)));
    else if (Array.isArray(value)) leaves.set(key, readLeaf(key, value));
    else if (nests && isRecord(value)) nested.set(key, readObject(value, true));
    else throw new BadPattern(`"${key}" must be ${nests ? "an object or " : ""}an array`);
  }
  return { leaves, nested, alternatives };
}

function readLeaf(key: string, given: readonly unknown[]): Leaf {
  if (!given.length) throw new BadPattern(`"${key}" must have a condition`);
  const exists = given
    .filter((one) => isRecord(one) && "exists" in one)
    .map((one) => {
      const { exists } = one as { exists: unknown };
      if (typeof exists !== "boolean")
        throw new BadPattern("exists match pattern must be either true or false");
      return exists;
    });
  const rest = given.filter((one) => !(isRecord(one) && "exists" in one));
  return {
    conditions: rest.map(readCondition),
    exists: exists.includes(true) || undefined,
    absent: exists.includes(false),
  };
}

function readCondition(given: unknown): Condition {
  if (isValue(given)) return (value) => value === given;
  if (!isRecord(given) || Object.keys(given).length !== 1)
    throw new BadPattern("A condition must be a value, or an object with one operator");
  const [[operator, operand]] = Object.entries(given) as [[string, unknown]];
  switch (operator) {
    case "prefix":
    case "suffix":
    case "equals-ignore-case":
    case "wildcard":
      return textCondition(operator, operand);
    case "anything-but":
      return anythingBut(operand);
    case "numeric":
      return numeric(operand);
    default:
      throw new BadPattern(
        `Unrecognized or unsupported match type ${operator}: Tideway has prefix, suffix, equals-ignore-case, wildcard, anything-but, numeric and exists`,
      );
  }
}

type TextOperator = "prefix" | "suffix" | "equals-ignore-case" | "wildcard";

function textCondition(operator: TextOperator, operand: unknown): Condition {
  // {"prefix": {"equals-ignore-case": "text"}}
  const folds = isRecord(operand) && (operator === "prefix" || operator === "suffix");
  const given: unknown = folds && Object.keys(operand).length === 1 ? operand["equals-ignore-case"] : operand;
  if (typeof given !== "string" || !given) throw new BadPattern(`${operator} match pattern must be a string`);
  if (operator === "wildcard") return wildcard(given);
  const fold = (text: string) => (folds || operator === "equals-ignore-case" ? text.toLowerCase() : text);
  const wanted = fold(given);
  return (value) => {
    if (typeof value !== "string") return false;
    const text = fold(value);
    if (operator === "prefix") return text.startsWith(wanted);
    if (operator === "suffix") return text.endsWith(wanted);
    return text === wanted;
  };
}

/** `*` stands for any characters; `\*` and `\\` for themselves. Each piece is looked for once, from left to right. */
function wildcard(text: string): Condition {
  const pieces = [""];
  for (let at = 0; at < text.length; at++) {
    if (text[at] === "*") {
      if (text[at - 1] === "*" && pieces.at(-1) === "")
        throw new BadPattern("Consecutive wildcard characters are not allowed");
      pieces.push("");
      continue;
    }
    if (text[at] === "\\" && !["*", "\\"].includes(text[++at] ?? ""))
      throw new BadPattern("Invalid escape character in a wildcard: only \\* and \\\\ are allowed");
    pieces.push((pieces.pop() ?? "") + text[at]);
  }
  const first = pieces.shift() ?? "";
  const last = pieces.pop();
  return (value) => {
    if (typeof value !== "string") return false;
    if (last === undefined) return value === first;
    if (!value.startsWith(first)) return false;
    let at = first.length;
    for (const piece of pieces) {
      const found = value.indexOf(piece, at);
      if (found < 0) return false;
      at = found + piece.length;
    }
    return value.length - last.length >= at && value.endsWith(last);
  };
}

function anythingBut(operand: unknown): Condition {
  if (isRecord(operand)) {
    const [[operator, given]] = Object.entries(operand) as [[string, unknown]];
    if (Object.keys(operand).length !== 1 || !isTextOperator(operator))
      throw new BadPattern("anything-but takes values, prefix, suffix, equals-ignore-case or wildcard");
    const excluded = (Array.isArray(given) ? given : [given]).map((one) => textCondition(operator, one));
    return (value) => !excluded.some((is) => is(value));
  }
  const excluded: unknown[] = Array.isArray(operand) ? operand : [operand];
  const isExcludable = (one: unknown): boolean => typeof one === "string" || typeof one === "number";
  if (!excluded.length || !excluded.every(isExcludable))
    throw new BadPattern("anything-but takes strings or numbers");
  return (value) => !excluded.includes(value);
}

const COMPARISONS: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  "=": (a, b) => a === b,
  "<": (a, b) => a < b,
  "<=": (a, b) => a <= b,
  ">": (a, b) => a > b,
  ">=": (a, b) => a >= b,
};

function numeric(operand: unknown): Condition {
  if (!Array.isArray(operand) || (operand.length !== 2 && operand.length !== 4))
    throw new BadPattern("Value of numeric must be an array of one or two operators, each with a number");
  const limits: ((value: number) => boolean)[] = [];
  for (let at = 0; at < operand.length; at += 2) {
    const [operator, limit] = [operand[at], operand[at + 1]] as [unknown, unknown];
    const compare =
      typeof operator === "string" && Object.hasOwn(COMPARISONS, operator)
        ? COMPARISONS[operator]
        : undefined;
    if (!compare || typeof limit !== "number")
      throw new BadPattern("Value of numeric must be made of = < <= > or >=, each with a number");
    limits.push((value) => compare(value, limit));
  }
  return (value) => typeof value === "number" && limits.every((within) => within(value));
}

const isTextOperator = (name: string): name is TextOperator =>
  ["prefix", "suffix", "equals-ignore-case", "wildcard"].includes(name);
const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isValue = (value: unknown): value is Value =>
  value === null || ["string", "number", "boolean"].includes(typeof value);
