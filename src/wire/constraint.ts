/** What the SDK's schemas leave out of the API's model: lengths, ranges, patterns and the values of enums. */

/** The limits of one member, as the model states them. */
export interface Constraint {
  /** Of a number's value, or of the length of anything else. */
  readonly min?: number;
  readonly max?: number;
  /** As the model writes it, for Java: the whole value must match. */
  readonly pattern?: string;
  readonly values?: readonly string[];
  /** Whether a number must be whole: the schemas do not tell. */
  readonly whole?: boolean;
  /** Of a list's items or a map's values. */
  readonly each?: Constraint;
  /** Of a map's keys. */
  readonly keys?: Constraint;
}

/** A text of a length, and of a form. */
export const text = (min: number, max: number, pattern?: string): Constraint =>
  pattern === undefined ? { min, max } : { min, max, pattern };

/** A number in a range. */
export const number = (min: number, max?: number): Constraint => (max === undefined ? { min } : { min, max });

/** A whole number in a range. */
export const integer = (min: number, max?: number): Constraint => ({ ...number(min, max), whole: true });

/** A list of a length. */
export const list = (min: number, max?: number, each?: Constraint): Constraint => ({
  ...number(min, max),
  ...(each && { each }),
});

/** A map of a size. */
export const map = (min: number, max: number, keys: Constraint, each: Constraint): Constraint => ({
  min,
  max,
  keys,
  each,
});

/** One of an enum's values: `oneOf(sdk.ModelCacheSetting)`. */
export const oneOf = (values: Readonly<Record<string, string>>): Constraint => ({
  values: Object.values(values),
});

/** What is wrong with a value, in AWS's words: one sentence for each limit that it breaks. */
export function broken(constraint: Constraint, value: unknown): string[] {
  const { min, max, values, keys, each } = constraint;
  const [what, size] = typeof value === "number" ? ["value", value] : ["length", lengthOf(value)];
  const found: string[] = [];
  if (max !== undefined && size > max) found.push(`Member must have ${what} less than or equal to ${max}`);
  if (min !== undefined && size < min) found.push(`Member must have ${what} greater than or equal to ${min}`);
  if (typeof value === "string") {
    // a text far too long is not matched as well: patterns may backtrack
    if (size <= 2 * (max ?? MAX_MATCHED) && !matches(constraint, value))
      found.push(patternSentence(constraint));
    if (values && !values.includes(value)) found.push(enumSentence(values));
  } else if (Array.isArray(value)) {
    if (each && value.some((item) => item !== null && broken(each, item).length))
      found.push(`Member must satisfy constraint: [${all(each)}]`);
  } else if (typeof value === "object" && value !== null) {
    if (keys && Object.keys(value).some((key) => broken(keys, key).length))
      found.push(`Map keys must satisfy constraint: [${all(keys)}]`);
    if (each && Object.values(value).some((item) => item !== null && broken(each, item).length))
      found.push(`Map value must satisfy constraint: [${all(each)}]`);
  }
  return found;
}

const MAX_MATCHED = 4096;

/** All limits at once: AWS tells of items what they should be, not what they are. */
function all(constraint: Constraint): string {
  const { min, max, pattern, values } = constraint;
  const sentences: string[] = [];
  if (max !== undefined) sentences.push(`Member must have length less than or equal to ${max}`);
  if (min !== undefined) sentences.push(`Member must have length greater than or equal to ${min}`);
  if (pattern !== undefined) sentences.push(patternSentence(constraint));
  if (values) sentences.push(enumSentence(values));
  return sentences.join(", ");
}

const patternSentence = ({ pattern = "" }: Constraint) =>
  `Member must satisfy regular expression pattern: ${pattern}`;
const enumSentence = (values: readonly string[]) =>
  `Member must satisfy enum value set: [${values.join(", ")}]`;

function lengthOf(value: unknown): number {
  // Smithy counts Unicode characters
  if (typeof value === "string") return SURROGATE.test(value) ? Array.from(value).length : value.length;
  if (value instanceof Uint8Array) return value.byteLength;
  return Array.isArray(value) ? value.length : Object.keys(value ?? {}).length;
}

const SURROGATE = /[\ud800-\udfff]/;

const compiled = new Map<string, RegExp>();

function matches({ pattern }: Constraint, value: string): boolean {
  if (pattern === undefined) return true;
  let expression = compiled.get(pattern);
  if (!expression) compiled.set(pattern, (expression = compile(pattern)));
  return expression.test(value);
}

/** Java's expressions differ from JavaScript's in the ends of the input, in one class of characters, and in what may be escaped. */
function compile(pattern: string): RegExp {
  const source = pattern
    .replaceAll("\\A", "^")
    .replaceAll("\\z", "$")
    .replaceAll("\\_", "_")
    .replaceAll("|\\-", "|-")
    .replaceAll("[\\p{Print}]", "\\p{Print}")
    .replaceAll("\\p{Print}", "[\\x20-\\x7e]");
  return new RegExp(`^(?:${source})$`, "u");
}
