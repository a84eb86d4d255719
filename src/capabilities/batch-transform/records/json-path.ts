/**
 * The JSONPath of DataProcessing's filters: `$`, `.name`, `['a','b']`, `[1,-1]`, `[2:5]`, `*`. A slice ends before its
 * end, as in JSONPath: AWS's guide says so where it names the operator, and the opposite in one of its examples.
 */
export type JsonPath = readonly Step[];

export type Step =
  | { readonly kind: "names"; readonly names: readonly string[] }
  | { readonly kind: "items"; readonly items: readonly (number | Slice)[] }
  | { readonly kind: "all" };

/** From the first up to before the last; negative ones count from the end. */
export interface Slice {
  readonly start: number;
  readonly end: number | undefined;
}

/** The message is a sentence on what is wrong with the path. */
export class InvalidJsonPath extends Error {
  override readonly name = "InvalidJsonPath";
}

/** As AWS limits it. */
const MAX_LENGTH = 63;

/** Parses a path; the empty one is `$`. Throws InvalidJsonPath. */
export function parseJsonPath(path: string): JsonPath {
  if (path.length > MAX_LENGTH)
    throw new InvalidJsonPath(`It has ${path.length} characters, more than ${MAX_LENGTH}.`);
  const steps: Step[] = [];
  if (path === "") return steps;
  const rest = new Rest(path);
  rest.expect(/\$/y);
  while (!rest.atEnd) {
    const before = steps.at(-1);
    if (before && takesSeveral(before))
      throw new InvalidJsonPath("Nothing can follow where several elements are taken by name or by index.");
    const dotted = rest.take(/\./y) !== undefined;
    if (rest.take(/\[\s*/y) !== undefined) steps.push(bracketed(rest));
    else if (!dotted) rest.fail();
    else if (rest.take(/\*/y) !== undefined) steps.push({ kind: "all" });
    else steps.push({ kind: "names", names: [rest.expect(/[\p{L}\p{N}_-]+/uy)] });
  }
  return steps;
}

/** By name or by index: what comes out is an object or an array of them. */
function takesSeveral(step: Step): boolean {
  if (step.kind === "names") return step.names.length > 1;
  return step.kind === "items" && (step.items.length > 1 || typeof step.items[0] !== "number");
}

function bracketed(rest: Rest): Step {
  if (rest.take(/\*\s*\]/y) !== undefined) return { kind: "all" };
  if (rest.sees("'"))
    return { kind: "names", names: list(rest, () => rest.expect(/'[^'\\]+'/y).slice(1, -1)) };
  return { kind: "items", items: list(rest, () => item(rest)) };
}

function list<T>(rest: Rest, one: () => T): T[] {
  const found = [one()];
  while (rest.take(/\s*,\s*/y) !== undefined) found.push(one());
  rest.expect(/\s*\]/y);
  return found;
}

function item(rest: Rest): number | Slice {
  const start = rest.take(/-?\d{1,9}/y);
  const colon = rest.take(/\s*:\s*/y) !== undefined;
  if (!colon) return start === undefined ? rest.fail() : Number(start);
  const end = rest.take(/-?\d{1,9}/y);
  return { start: Number(start ?? 0), end: end === undefined ? undefined : Number(end) };
}

/** What is not parsed yet. */
class Rest {
  readonly #path: string;
  #at = 0;

  constructor(path: string) {
    this.#path = path;
  }

  get atEnd(): boolean {
    return this.#at === this.#path.length;
  }

  sees(text: string): boolean {
    return this.#path.startsWith(text, this.#at);
  }

  take(sticky: RegExp): string | undefined {
    sticky.lastIndex = this.#at;
    const found = sticky.exec(this.#path)?.[0];
    if (found !== undefined) this.#at += found.length;
    return found;
  }

  expect(sticky: RegExp): string {
    return this.take(sticky) ?? this.fail();
  }

  /** In the words of AWS. */
  fail(): never {
    throw new InvalidJsonPath(
      this.atEnd
        ? "Unexpected end of JsonPath."
        : `Unexpected "${this.#path.slice(this.#at, this.#at + 1)}" in JsonPath at character ${this.#at + 1}.`,
    );
  }
}

/** Nothing of a record is where a path points to; the message ends the sentence "The record ...". */
export class NoMatch extends Error {
  override readonly name = "NoMatch";
}

/** The places in a list of this length, in the path's order. Throws NoMatch for an index beyond it, and for none at all. */
export function placesOf(items: readonly (number | Slice)[], length: number): number[] {
  const places = items.flatMap((item) => {
    if (typeof item !== "number") {
      const [from, to] = boundsOf(item, length);
      return Array.from({ length: Math.max(0, to - from) }, (_, index) => from + index);
    }
    const place = item < 0 ? length + item : item;
    if (place < 0 || place >= length)
      throw new NoMatch(`has ${length} elements, and so none with the index ${item}`);
    return [place];
  });
  if (places.length === 0)
    throw new NoMatch(`has ${length} elements, none of them in the range of the filter`);
  return places;
}

/** A slice of a list of this length: from, and up to before. */
export function boundsOf(slice: Slice, length: number): [from: number, to: number] {
  const within = (place: number) => Math.min(length, Math.max(0, place < 0 ? length + place : place));
  return [within(slice.start), within(slice.end ?? length)];
}
