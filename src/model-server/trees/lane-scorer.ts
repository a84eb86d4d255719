import { Columns } from "./columns.ts";
import type { CompiledTrees } from "./compile.ts";
import {
  FLOAT32,
  FLOAT64,
  laneKernel,
  type LaneKernel,
  LANES,
  type NodeLayout,
  SMALL_FLOAT32,
  TREE_BYTES,
} from "./lane-kernel.ts";
import type { Floats, Scorer } from "./scorer.ts";

/** Rows taken through a tree together, so that the tree comes from memory once for all of them. */
const BLOCK_ROWS = 64;
/** Keeps the columns of a block of rows in the processor's cache. */
const BLOCK_VALUES = 65_536;
/** The most that eight rows may take; an honest model reads far fewer columns than these 131,072. */
const MOST_VALUES = 1_048_576;
/** Up to so many rows are faster one by one, eight trees in step, than as a group of eight rows. */
const LONE_ROWS = 5;

/** What the kernel's memory holds, one after the other from its start, and where (in bytes). */
interface Places {
  readonly layout: NodeLayout;
  /** Groups of eight rows in a block. */
  readonly groups: number;
  readonly trees: number;
  /** Without the trees that fill up the last eight. */
  readonly treesEnd: number;
  readonly columns: number;
  readonly columnsStride: number;
  readonly scores: number;
  readonly scoresStride: number;
  readonly end: number;
}

/** Scores with eight descents in step: those of eight rows, or of one row through eight trees. */
export class LaneScorer implements Scorer {
  readonly #features: number;
  readonly #outputs: number;
  readonly #columns: Columns;
  readonly #kernel: LaneKernel;
  readonly #places: Places;
  /** The kernel's memory. */
  readonly #floats: Floats;

  /** Undefined for no trees, categorical splits, an excess of columns, and where there is no memory for it. */
  static of(compiled: CompiledTrees): LaneScorer | undefined {
    const { columns, outputs, roots, sets } = compiled;
    const width = Math.max(columns.length + 1, outputs);
    if (roots.length === 0 || sets.length > 0 || width * LANES > MOST_VALUES) return undefined;
    const places = place(compiled);
    const kernel = laneKernel(places.layout, places.end);
    return kernel && new LaneScorer(compiled, places, kernel);
  }

  private constructor(compiled: CompiledTrees, places: Places, kernel: LaneKernel) {
    const { memory } = kernel;
    this.#features = compiled.features;
    this.#outputs = compiled.outputs;
    this.#columns = new Columns(compiled.columns);
    this.#kernel = kernel;
    this.#places = places;
    this.#floats = places.layout === FLOAT64 ? new Float64Array(memory) : new Float32Array(memory);
    writeTrees(new DataView(memory), compiled, places);
    const { groups, columns, columnsStride, layout } = places;
    for (let group = 1; group <= groups; group++) {
      const end = (columns + group * columnsStride) >>> layout.floatShift;
      this.#floats.fill(Number.NaN, end - LANES, end);
    }
  }

  addScores(features: Floats, rows: number, scores: Floats): void {
    const blockRows = this.#places.groups * LANES;
    for (let start = 0; start < rows; start += blockRows) {
      const count = Math.min(blockRows, rows - start);
      this.#enter(features, scores, start, count);
      this.#run(count);
      this.#leave(scores, start, count);
    }
  }

  #run(rows: number): void {
    const { trees, treesEnd, columns, columnsStride, scores, scoresStride, layout } = this.#places;
    const over = rows % LANES;
    const alone = over <= LONE_ROWS ? over : 0;
    const groups = Math.ceil((rows - alone) / LANES);
    if (groups > 0)
      this.#kernel.scoreRows(columns, groups, trees, treesEnd, scores, columnsStride, scoresStride);
    for (let lane = 0; lane < alone; lane++) {
      const ownColumns = columns + groups * columnsStride + (lane << layout.floatShift);
      const ownScores = scores + groups * scoresStride + (lane << layout.floatShift);
      this.#kernel.scoreTrees(ownColumns, trees, treesEnd, ownScores);
    }
  }

  /** Writes the columns of rows into the kernel's memory, and the scores to add to. */
  #enter(features: Floats, scores: Floats, start: number, count: number): void {
    const { columns, columnsStride, layout } = this.#places;
    const outputs = this.#outputs;
    for (let row = 0; row < count; row++) {
      const at = ((columns + (row >>> 3) * columnsStride) >>> layout.floatShift) + (row & 7);
      this.#columns.read(features, (start + row) * this.#features, this.#floats, at, LANES);
      const score = this.#scoreOf(row);
      for (let output = 0; output < outputs; output++)
        this.#floats[score + output * LANES] = scores[(start + row) * outputs + output]!;
    }
  }

  #leave(scores: Floats, start: number, count: number): void {
    const outputs = this.#outputs;
    for (let row = 0; row < count; row++) {
      const score = this.#scoreOf(row);
      for (let output = 0; output < outputs; output++)
        scores[(start + row) * outputs + output] = this.#floats[score + output * LANES]!;
    }
  }

  #scoreOf(row: number): number {
    const { scores, scoresStride, layout } = this.#places;
    return ((scores + (row >>> 3) * scoresStride) >>> layout.floatShift) + (row & 7);
  }
}

function place({ columns, column, first, roots, outputs, precision }: CompiledTrees): Places {
  const floats = columns.length + 1;
  const isSmall = floats * LANES <= 0xffff && first.every((child, node) => child - node <= 0xffff);
  const layout = precision === "float64" ? FLOAT64 : isSmall ? SMALL_FLOAT32 : FLOAT32;
  const inBlock = Math.floor(BLOCK_VALUES / Math.max(floats, outputs));
  const groups = Math.max(1, Math.floor(Math.min(BLOCK_ROWS, inBlock) / LANES));
  const columnsStride = (floats * LANES) << layout.floatShift;
  const scoresStride = (outputs * LANES) << layout.floatShift;
  // One node more: the leaf of the trees that fill up the last eight. No shift here, this may be more than 2 GiB.
  const nodesEnd = (column.length + 1) * 2 ** layout.nodeShift;
  const trees = Math.ceil(nodesEnd / TREE_BYTES) * TREE_BYTES;
  const columnsAt = trees + Math.ceil(roots.length / LANES) * LANES * TREE_BYTES;
  const scores = columnsAt + groups * columnsStride;
  return {
    layout,
    groups,
    trees,
    treesEnd: trees + roots.length * TREE_BYTES,
    columns: columnsAt,
    columnsStride,
    scores,
    scoresStride,
    end: scores + groups * scoresStride,
  };
}

function writeTrees(
  memory: DataView,
  compiled: CompiledTrees,
  { layout, trees, scoresStride }: Places,
): void {
  const { columns, column, threshold, first, value, roots, depths, groups, outputs } = compiled;
  const setIndex = (at: number, index: number) =>
    layout.indexBytes === 2 ? memory.setUint16(at, index, true) : memory.setUint32(at, index, true);
  const setNode = (node: number, read: number, on: number, float: number) => {
    const at = node * 2 ** layout.nodeShift;
    setIndex(at, read * LANES);
    setIndex(at + layout.indexBytes, on);
    if (layout === FLOAT64) memory.setFloat64(at + 2 * layout.indexBytes, float, true);
    else memory.setFloat32(at + 2 * layout.indexBytes, float, true);
  };
  for (let node = 0; node < column.length; node++) {
    const on = first[node]! - node;
    if (on === 0) setNode(node, columns.length, 0, value[node]!);
    else setNode(node, column[node]!, on, threshold[node]!);
  }
  // Minus zero is what can be added to anything, zeros of both signs included, and leave it as it is.
  setNode(column.length, columns.length, 0, -0);

  const padded = Math.ceil(roots.length / LANES) * LANES;
  for (let tree = 0; tree < padded; tree++) {
    const at = trees + tree * TREE_BYTES;
    memory.setUint32(at, (roots[tree] ?? column.length) * 2 ** layout.nodeShift, true);
    memory.setUint32(at + 4, depths[tree] ?? 0, true);
    memory.setUint32(at + 8, (groups[tree] ?? 0) * (scoresStride / outputs), true);
    memory.setUint32(at + 12, Math.max(...depths.slice(tree, tree + LANES), 0), true);
  }
}
