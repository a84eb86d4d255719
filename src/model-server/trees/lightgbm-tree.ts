import { InvalidModel } from "../model.ts";
import type { Missing, Tree } from "./tree.ts";

/** The key=value lines of the header or of one tree. */
export class Section {
  readonly name: string;
  readonly #lines = new Map<string, string>();

  constructor(name: string) {
    this.name = name;
  }

  /** Takes a line in; one without "=" is a switch such as `average_output`. */
  add(line: string): void {
    const equals = line.indexOf("=");
    if (equals < 0) this.#lines.set(line, "");
    else this.#lines.set(line.slice(0, equals), line.slice(equals + 1));
  }

  get(key: string): string | undefined {
    return this.#lines.get(key);
  }

  integer(key: string, least: number, most: number): number {
    const text = this.#lines.get(key) ?? "";
    const value = Number(text);
    if (!/^\d{1,15}$/.test(text) || value < least || value > most)
      throw new InvalidModel(`${this.name} has no ${key} from ${least} to ${most}.`);
    return value;
  }

  /** A line of `length` finite numbers, whole ones if asked. */
  numbers(key: string, length: number, whole: boolean): number[] {
    const values = (this.#lines.get(key) ?? "")
      .split(" ")
      .filter((text) => text !== "")
      .map(Number);
    if (values.length !== length)
      throw new InvalidModel(`${this.name} has ${values.length} values of ${key} where ${length} belong.`);
    const isFit = whole ? Number.isSafeInteger : Number.isFinite;
    const wrong = values.findIndex((value) => !isFit(value));
    if (wrong >= 0) throw new InvalidModel(`${this.name} has no number at place ${wrong} of ${key}.`);
    return values;
  }
}

/** Bits of decision_type, from LightGBM's tree.h: bit 0 categorical, bit 1 default left, bits 2 and 3 missing type. */
const CATEGORICAL = 1;
const DEFAULT_LEFT = 2;
const MISSING: readonly Missing[] = ["none", "nan-and-zero", "nan"];

/** One `Tree=` block. Nodes 0 to splits - 1 are its splits, the leaves follow. */
export function readLightgbmTree(section: Section, group: number, divisor: number): Tree {
  if (section.get("is_linear") === "1")
    throw new InvalidModel(
      `${section.name} has linear models in its leaves (linear_tree=true), which are not supported.`,
    );
  const leaves = section.integer("num_leaves", 1, 0x7fffffff);
  const splits = leaves - 1;
  const values = section.numbers("leaf_value", leaves, false);
  const features = section.numbers("split_feature", splits, true);
  const thresholds = section.numbers("threshold", splits, false);
  const decisions = section.numbers("decision_type", splits, true);
  const left = section.numbers("left_child", splits, true);
  const right = section.numbers("right_child", splits, true);
  const sets = readSets(section);
  const node = (child: number) => (child < 0 ? splits + ~child : child < splits ? child : -1);

  return {
    group,
    size: splits + leaves,
    node: (index) => {
      if (index >= splits) return { kind: "leaf", value: values[index - splits]! / divisor };
      const feature = features[index]!;
      const threshold = thresholds[index]!;
      const decision = decisions[index]!;
      if (decision & CATEGORICAL) {
        const set = sets[threshold];
        if (!set) throw new InvalidModel(`${section.name} has no set of categories ${threshold}.`);
        return {
          kind: "categorical",
          feature,
          set,
          missingInside: false,
          inside: node(left[index]!),
          outside: node(right[index]!),
        };
      }
      const missing = MISSING[(decision >> 2) & 3];
      if (!missing) throw new InvalidModel(`${section.name} has the unknown decision_type ${decision}.`);
      const defaultLeft = (decision & DEFAULT_LEFT) !== 0;
      return {
        kind: "numeric",
        feature,
        threshold,
        missing,
        defaultLeft,
        left: node(left[index]!),
        right: node(right[index]!),
      };
    },
  };
}

function readSets(section: Section): Uint32Array[] {
  const count = section.get("num_cat") === undefined ? 0 : section.integer("num_cat", 0, 0x7fffffff);
  if (count === 0) return [];
  const boundaries = section.numbers("cat_boundaries", count + 1, true);
  const words = Uint32Array.from(section.numbers("cat_threshold", boundaries[count]!, true));
  return boundaries.slice(1).map((end, i) => {
    const start = boundaries[i]!;
    if (!(start >= 0 && start <= end && end <= words.length))
      throw new InvalidModel(`${section.name} has cat_boundaries that do not rise.`);
    return words.subarray(start, end);
  });
}
