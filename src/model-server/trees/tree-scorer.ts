import { compileTrees, type Precision } from "./compile.ts";
import { LaneScorer } from "./lane-scorer.ts";
import type { Scorer } from "./scorer.ts";
import type { Tree } from "./tree.ts";
import { WalkScorer } from "./walk-scorer.ts";

/** Scores rows with trees: by WebAssembly where it takes the trees, which is nearly always, else by JavaScript. */
export function treeScorer(
  trees: readonly Tree[],
  features: number,
  outputs: number,
  precision: Precision,
): Scorer {
  const compiled = compileTrees(trees, features, outputs, precision);
  return LaneScorer.of(compiled) ?? new WalkScorer(compiled);
}
