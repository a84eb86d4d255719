/**
 * Which messages a subscription wants: all keys of its policy must match, each by one of its conditions.
 * https://docs.aws.amazon.com/sns/latest/dg/sns-subscription-filter-policies.html
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

/** A policy that was read. */
export interface FilterPolicy {
  readonly leaves: ReadonlyMap<string, Leaf>;
  /** Objects within the message's body. */
  readonly nested: ReadonlyMap<string, FilterPolicy>;
}

/** What is wrong with a policy, in a sentence. */
export class BadFilterPolicy extends Error {
  override readonly name = "BadFilterPolicy";
}

/** Reads a policy; only one for the body may have keys within keys. */
export function parseFilterPolicy(text: string, scope: string): FilterPolicy {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw new BadFilterPolicy("failed to parse JSON");
  }
  return readObject(parsed, scope === "MessageBody");
}

/** The values of a message's attributes, or its body. */
export function matchesPolicy(policy: FilterPolicy, values: unknown): boolean {
  if (typeof values !== "object" || values === null || Array.isArray(values)) return false;
  const record = values as Readonly<Record<string, unknown>>;
  const at = (key: string) => (Object.hasOwn(record, key) ? record[key] : undefined);
  for (const [key, leaf] of policy.leaves) if (!matchesLeaf(leaf, at(key))) return false;
  for (const [key, inner] of policy.nested) {
    const value = at(key);
    // objects in an array: one of them must match
    if (!(Array.isArray(value) ? value : [value]).some((one) => matchesPolicy(inner, one))) return false;
  }
  return true;
}

function matchesLeaf({ conditions, exists, absent }: Leaf, value: unknown): boolean {
  if (value === undefined) return absent;
  if (exists) return true;
  const candidates: unknown[] = Array.isArray(value) ? value : [value];
  return candidates.some((one) => isValue(one) && conditions.some((condition) => condition(one)));
}

function readObject(given: unknown, nests: boolean): FilterPolicy {
  if (!isRecord(given)) throw new BadFilterPolicy("Filter policy must be an object");
  const leaves = new Map<string, Leaf>();
  const nested = new Map<string, FilterPolicy>();
  for (const [key, value] of Object.entries(given)) {
    if (key === "$or") throw new BadFilterPolicy("$or is not supported by Tideway");
    if (Array.isArray(value)) leaves.set(key, readLeaf(key, value));
    else if (nests && isRecord(value)) nested.set(key, readObject(value, true));
    else throw new BadFilterPolicy(`"${key}" must be ${nests ? "an object or " : ""}an array`);
  }
  return { leaves, nested };
}

function readLeaf(key: string, given: readonly unknown[]): Leaf {
  if (!given.length) throw new BadFilterPolicy(`"${key}" must have a condition`);
  const exists = given
    .filter((one) => isRecord(one) && "exists" in one)
    .map((one) => {
      const { exists } = one as { exists: unknown };
      if (typeof exists !== "boolean")
        throw new BadFilterPolicy("exists match pattern must be either true or false");
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
    throw new BadFilterPolicy("A condition must be a value, or an object with one operator");
  const [[operator, operand]] = Object.entries(given) as [[string, unknown]];
  switch (operator) {
    case "prefix":
    case "suffix":
    case "equals-ignore-case":
      return textCondition(operator, operand);
    case "anything-but":
      return anythingBut(operand);
    case "numeric":
      return numeric(operand);
    default:
      throw new BadFilterPolicy(
        `Unrecognized or unsupported match type ${operator}: Tideway has prefix, suffix, equals-ignore-case, anything-but, numeric and exists`,
      );
  }
}

function textCondition(operator: "prefix" | "suffix" | "equals-ignore-case", operand: unknown): Condition {
  if (typeof operand !== "string" || !operand)
    throw new BadFilterPolicy(`${operator} match pattern must be a string`);
  return (value) => {
    if (typeof value !== "string") return false;
    if (operator === "prefix") return value.startsWith(operand);
    if (operator === "suffix") return value.endsWith(operand);
    return value.toLowerCase() === operand.toLowerCase();
  };
}

function anythingBut(operand: unknown): Condition {
  if (isRecord(operand)) {
    const [[operator, text]] = Object.entries(operand) as [[string, unknown]];
    if (Object.keys(operand).length !== 1 || (operator !== "prefix" && operator !== "suffix"))
      throw new BadFilterPolicy("anything-but takes values, prefix or suffix");
    const excluded = textCondition(operator, text);
    return (value) => !excluded(value);
  }
  const excluded: unknown[] = Array.isArray(operand) ? operand : [operand];
  const isExcludable = (one: unknown): boolean => typeof one === "string" || typeof one === "number";
  if (!excluded.length || !excluded.every(isExcludable))
    throw new BadFilterPolicy("anything-but takes strings or numbers");
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
    throw new BadFilterPolicy(
      "Value of numeric must be an array of one or two operators, each with a number",
    );
  const limits: ((value: number) => boolean)[] = [];
  for (let at = 0; at < operand.length; at += 2) {
    const [operator, limit] = [operand[at], operand[at + 1]] as [unknown, unknown];
    const compare =
      typeof operator === "string" && Object.hasOwn(COMPARISONS, operator)
        ? COMPARISONS[operator]
        : undefined;
    if (!compare || typeof limit !== "number")
      throw new BadFilterPolicy("Value of numeric must be made of = < <= > or >=, each with a number");
    limits.push((value) => compare(value, limit));
  }
  return (value) => typeof value === "number" && limits.every((within) => within(value));
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isValue = (value: unknown): value is Value =>
  value === null || ["string", "number", "boolean"].includes(typeof value);
