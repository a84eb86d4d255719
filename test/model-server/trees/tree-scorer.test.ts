import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

import type { Scorer } from "../../../src/model-server/trees/scorer.ts";
import { treeScorer } from "../../../src/model-server/trees/tree-scorer.ts";
import type {
  CategoricalSplit,
  Leaf,
  Missing,
  NumericSplit,
  Tree,
} from "../../../src/model-server/trees/tree.ts";

import { withoutWebAssembly } from "./without-web-assembly.ts";

type Node = NumericSplit | CategoricalSplit | Leaf;

const FEATURES = 4;
const OUTPUTS = 3;
/** Few values, so that features meet thresholds exactly. */
const numbers = fc.constantFrom(-2, -1, -0.5, -0, 0, 1e-36, 0.5, 1, 2, 3, 31, 32, 40, Infinity, -Infinity);
const thresholds = numbers.filter(Number.isFinite);
const features = fc.oneof(
  { weight: 4, arbitrary: numbers },
  { weight: 1, arbitrary: fc.constant(Number.NaN) },
);

interface Branch {
  split: {
    numeric: boolean;
    feature: number;
    threshold: number;
    missing: Missing;
    flag: boolean;
    words: number[];
  };
  left: Shape;
  right: Shape;
}
type Shape = Branch | number;

const split = (categorical: boolean) =>
  fc.record({
    numeric: categorical ? fc.boolean() : fc.constant(true),
    feature: fc.nat(FEATURES - 1),
    threshold: thresholds,
    missing: fc.constantFrom<Missing>("nan", "nan-and-zero", "none"),
    flag: fc.boolean(),
    words: fc.array(fc.nat(0xffffffff), { minLength: 1, maxLength: 2 }),
  });

function shapes(categorical: boolean): fc.Arbitrary<Shape> {
  return fc.letrec<{ shape: Shape; branch: Branch }>((tie) => ({
    shape: fc.oneof({ maxDepth: 6 }, fc.integer({ min: -100, max: 100 }), tie("branch")),
    branch: fc.record({ split: split(categorical), left: tie("shape"), right: tie("shape") }),
  })).shape;
}

function toTree(shape: Shape, group: number): Tree {
  const nodes: Node[] = [];
  const add = (part: Shape): number => {
    const at = nodes.push({ kind: "leaf", value: 0 }) - 1;
    if (typeof part === "number") nodes[at] = { kind: "leaf", value: part };
    else {
      const { numeric, feature, threshold, missing, flag, words } = part.split;
      const [left, right] = [add(part.left), add(part.right)];
      nodes[at] = numeric
        ? { kind: "numeric", feature, threshold, missing, defaultLeft: flag, left, right }
        : {
            kind: "categorical",
            feature,
            set: Uint32Array.from(words),
            missingInside: flag,
            inside: left,
            outside: right,
          };
    }
    return at;
  };
  add(shape);
  return { group, size: nodes.length, node: (index) => nodes[index]! };
}

/** What the words of tree.ts say, followed one by one. */
function follow(shape: Shape, row: readonly number[]): number {
  if (typeof shape === "number") return shape;
  const { numeric, feature, threshold, missing, flag, words } = shape.split;
  let value = row[feature]!;
  let left: boolean;
  if (!numeric) {
    const category = Math.trunc(value);
    const inSet =
      category >= 0 &&
      category < words.length * 32 &&
      ((words[category >> 5]! >>> (category & 31)) & 1) === 1;
    left = Number.isNaN(value) ? flag : inSet;
  } else {
    if (missing === "none" && Number.isNaN(value)) value = 0;
    const isMissing = Number.isNaN(value) || (missing === "nan-and-zero" && Math.abs(value) <= 1e-35);
    left = isMissing ? flag : value <= threshold;
  }
  return follow(left ? shape.left : shape.right, row);
}

describe.each([
  ["float32", "with WebAssembly", (load: () => Scorer) => load()],
  ["float32", "without", withoutWebAssembly],
  ["float64", "with WebAssembly", (load: () => Scorer) => load()],
  ["float64", "without", withoutWebAssembly],
] as const)("trees in %s, %s, score rows as their splits say", (precision, _with, load) => {
  test.each([
    ["numeric splits", false],
    ["categorical splits too", true],
  ])("%s", (_, categorical) => {
    fc.assert(
      fc.property(
        fc.array(shapes(categorical), { maxLength: 9 }),
        fc.array(fc.array(features, { minLength: FEATURES, maxLength: FEATURES }), {
          minLength: 1,
          maxLength: 70,
        }),
        (forest, rows) => {
          const trees = forest.map((shape, i) => toTree(shape, i % OUTPUTS));
          const scorer = load(() => treeScorer(trees, FEATURES, OUTPUTS, precision));
          const scores = new Float32Array(rows.length * OUTPUTS).fill(0.5);
          scorer.addScores(Float64Array.from(rows.flat()), rows.length, scores);
          const expected = rows.flatMap((row) =>
            Array.from({ length: OUTPUTS }, (_, output) =>
              forest.reduce<number>(
                (sum, shape, i) => (i % OUTPUTS === output ? sum + follow(shape, row) : sum),
                0.5,
              ),
            ),
          );
          expect(Array.from(scores)).toEqual(expected);
        },
      ),
      { seed: 7, numRuns: 300 },
    );
  });
});

test("more rows than a block holds, and a column count that makes blocks small", () => {
  const columns = 3000;
  const trees = Array.from({ length: columns }, (_, feature) =>
    toTree(
      {
        split: {
          numeric: true,
          feature: 0,
          threshold: 0,
          missing: "nan",
          flag: feature % 2 === 0,
          words: [],
        },
        left: 0,
        right: 1,
      },
      0,
    ),
  ).map((tree, feature): Tree => ({ ...tree, node: (index) => ({ ...tree.node(index), feature }) as Node }));
  const scorer = treeScorer(trees, columns, 1, "float32");
  const rows = 150;
  const data = Float32Array.from({ length: rows * columns }, (_, i) =>
    i % columns < Math.floor(i / columns) ? 1 : -1,
  );
  const scores = new Float32Array(rows);
  scorer.addScores(data, rows, scores);
  expect(Array.from(scores)).toEqual(Array.from({ length: rows }, (_, row) => row));
});
