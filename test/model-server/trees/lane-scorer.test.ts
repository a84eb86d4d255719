import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { describe, expect, test } from "vitest";

import { compileTrees, type Precision } from "../../../src/model-server/trees/compile.ts";
import { FLOAT32, laneKernel } from "../../../src/model-server/trees/lane-kernel.ts";
import { LaneScorer } from "../../../src/model-server/trees/lane-scorer.ts";
import type { Floats, Scorer } from "../../../src/model-server/trees/scorer.ts";
import { treeScorer } from "../../../src/model-server/trees/tree-scorer.ts";
import type { Leaf, Missing, NumericSplit, Tree } from "../../../src/model-server/trees/tree.ts";
import { WalkScorer } from "../../../src/model-server/trees/walk-scorer.ts";
import { SeededRandom } from "../../support/seeded-random.ts";
import { withoutWebAssembly } from "./without-web-assembly.ts";

type Node = NumericSplit | Leaf;

const MISSING: readonly Missing[] = ["nan", "nan-and-zero", "none"];
/** What rows are spiced with, thresholds too where finite. */
const EDGES = [Number.NaN, Infinity, -Infinity, -0, 0, 1e-36, -1e-36, 2 ** -149, 2 ** 24 + 1, 3.4028235e38];

interface Width {
  readonly features: number;
  readonly outputs: number;
}

interface Shape extends Width {
  readonly trees: number;
  readonly depth: number;
  /** How likely a node above the full depth is a leaf, but for the last of its level: near 1 gives chains. */
  readonly leaves: number;
}

/** Trees, and rows that meet their thresholds, the floats beside these, and what is no number. */
class Forest {
  readonly trees: readonly Tree[];
  readonly shape: Shape;
  readonly #random: SeededRandom;
  readonly #thresholds: number[] = [];

  constructor(shape: Shape, random: SeededRandom) {
    this.shape = shape;
    this.#random = random;
    this.trees = Array.from({ length: shape.trees }, () => this.#tree());
  }

  /** Rows of numbers of the type that the model's own are. */
  rows(count: number, precision: Precision): Floats {
    return floats(precision, count * this.shape.features, () => {
      const threshold = this.#pick(this.#thresholds) ?? 0;
      const near = [threshold, threshold * (1 + 2 ** -23), threshold * (1 - 2 ** -24), this.#random.number()];
      return (this.#random.number() < 0.2 ? this.#pick(EDGES) : this.#pick(near))!;
    });
  }

  #tree(): Tree {
    const { features, outputs, depth, leaves } = this.shape;
    const nodes: Node[] = [];
    const levels = [0];
    for (let index = 0; index < levels.length; index++) {
      const level = levels[index]!;
      const isLast = index === levels.length - 1;
      const isLeaf = level === depth || (!isLast && this.#random.number() < leaves);
      if (isLeaf) {
        nodes.push({ kind: "leaf", value: Math.fround(this.#random.number() - 0.5) });
        continue;
      }
      const edge = this.#pick(EDGES)!;
      const threshold = Math.fround(
        Number.isFinite(edge) && this.#random.number() < 0.2 ? edge : this.#random.number() - 0.5,
      );
      this.#thresholds.push(threshold);
      const left = levels.push(level + 1) - 1;
      nodes.push({
        kind: "numeric",
        feature: this.#below(features),
        threshold,
        missing: this.#pick(MISSING)!,
        defaultLeft: this.#random.number() < 0.5,
        left,
        right: levels.push(level + 1) - 1,
      });
    }
    return { group: this.#below(outputs), size: nodes.length, node: (index) => nodes[index]! };
  }

  #below(end: number): number {
    return Math.floor(this.#random.number() * end);
  }

  #pick<T>(values: readonly T[]): T | undefined {
    return values[this.#below(values.length)];
  }
}

function floats(precision: Precision, length: number, value: () => number): Floats {
  const values = Array.from({ length }, value);
  return precision === "float32" ? Float32Array.from(values) : Float64Array.from(values);
}

/** A scorer's sums, which start at what is hard to add to. */
function scored(scorer: Scorer, rows: Floats, count: number, outputs: number): Floats {
  const scores = new (rows.constructor as Float32ArrayConstructor)(count * outputs);
  for (let i = 0; i < scores.length; i++) scores[i] = i % 3 === 0 ? -0 : i / 7;
  scorer.addScores(rows, count, scores);
  return scores;
}

/** Where the two scorers' sums are not the same to the last bit, for several counts of rows taken together. */
function differences(trees: readonly Tree[], rows: Floats, { features, outputs }: Width): string[] {
  const compiled = compileTrees(
    trees,
    features,
    outputs,
    rows instanceof Float32Array ? "float32" : "float64",
  );
  const lanes = LaneScorer.of(compiled);
  if (!lanes) throw new Error("The trees do not fit the kernel.");
  const walk = new WalkScorer(compiled);
  const all = rows.length / features;
  const counts = [all, 1, 5, 6, 8, 13, 14, 64, 65].filter((count) => count <= all);
  return counts.flatMap((count) => {
    const part = rows.subarray(0, count * features);
    const expected = scored(walk, part, count, outputs);
    return Array.from(scored(lanes, part, count, outputs)).flatMap((sum, i) =>
      Object.is(sum, expected[i]) ? [] : [`${count} rows, score ${i}: ${sum} is not ${expected[i]}`],
    );
  });
}

describe.each(["float32", "float64"] as const)("sums in %s are the walk's to the last bit", (precision) => {
  test.each<[string, Shape]>([
    ["one tree that is a leaf", { features: 1, outputs: 1, trees: 1, depth: 0, leaves: 0 }],
    ["leaves only", { features: 2, outputs: 3, trees: 20, depth: 0, leaves: 0 }],
    ["one stump", { features: 1, outputs: 1, trees: 1, depth: 1, leaves: 0 }],
    ["eight trees", { features: 3, outputs: 1, trees: 8, depth: 4, leaves: 0 }],
    ["full trees", { features: 30, outputs: 1, trees: 50, depth: 6, leaves: 0 }],
    ["uneven trees", { features: 30, outputs: 1, trees: 50, depth: 12, leaves: 0.3 }],
    ["long chains", { features: 5, outputs: 2, trees: 11, depth: 400, leaves: 0.99 }],
    ["many classes", { features: 4, outputs: 17, trees: 51, depth: 5, leaves: 0.1 }],
    ["more outputs than a block holds", { features: 2, outputs: 30_000, trees: 9, depth: 3, leaves: 0 }],
  ])("%s", (_, shape) => {
    const random = new SeededRandom(5);
    for (let seed = 0; seed < 5; seed++) {
      const forest = new Forest(shape, random);
      const rows = forest.rows(shape.outputs > 1000 ? 20 : 150, precision);
      expect(differences(forest.trees, rows, shape)).toEqual([]);
    }
  });

  test("more columns than a small node has room for", () => {
    const columns = 9000;
    const trees = Array.from({ length: columns }, (_, feature) =>
      stump(feature, feature % 2 === 0, feature / columns),
    );
    const random = new SeededRandom(3);
    const rows = floats(precision, 14 * columns, () => random.number());
    expect(differences(trees, rows, { features: columns, outputs: 1 })).toEqual([]);
  });

  test("a level of more nodes than a small node can step over", () => {
    const forest = new Forest(
      { features: 9, outputs: 1, trees: 1, depth: 17, leaves: 0 },
      new SeededRandom(9),
    );
    expect(differences(forest.trees, forest.rows(150, precision), forest.shape)).toEqual([]);
  });
});

function stump(feature: number, defaultLeft: boolean, value: number): Tree {
  const nodes: Node[] = [
    { kind: "numeric", feature, threshold: 0.5, missing: "nan", defaultLeft, left: 1, right: 2 },
    { kind: "leaf", value },
    { kind: "leaf", value: -value },
  ];
  return { group: 0, size: 3, node: (index) => nodes[index]! };
}

test("a huge model's columns are walked, not multiplied by eight", () => {
  const columns = 140_000;
  const trees = Array.from({ length: columns }, (_, feature) => stump(feature, true, 1));
  expect(LaneScorer.of(compileTrees(trees, columns, 1, "float32"))).toBeUndefined();
  const scorer = treeScorer(trees, columns, 1, "float32");
  const scores = new Float32Array(1);
  scorer.addScores(new Float32Array(columns), 1, scores);
  expect(scores[0]).toBe(columns);
});

test("without memory trees are walked", () => {
  const trees = [stump(0, true, 0.25)];
  expect(laneKernel(FLOAT32, 2 ** 32 + 1)).toBeUndefined();
  expect(treeScorer(trees, 1, 1, "float32")).toBeInstanceOf(LaneScorer);
  expect(withoutWebAssembly(() => treeScorer(trees, 1, 1, "float32"))).toBeInstanceOf(WalkScorer);
});

test("thousands of models that were let go of leave next to nothing behind", async () => {
  const program = fileURLToPath(new URL("load-often.ts", import.meta.url));
  const path = fileURLToPath(
    new URL("../../../examples/models/breast-cancer-xgboost/xgboost-model", import.meta.url),
  );
  const run = promisify(execFile);
  const { stdout } = await run(process.execPath, ["--expose-gc", program, path, "500", "3000"]);
  // 11 to 18 MiB were seen; 92 when the models are kept
  expect(Number(stdout)).toBeLessThan(60 * 1024);
}, 60_000);
