/** The machine code that takes eight descents through trees in step: WebAssembly, assembled when first asked for. */
import { endianness } from "node:os";

import {
  assemble,
  type Code,
  f32,
  f64,
  type FloatInstructions,
  i32,
  repeat,
  type Variable,
  WasmFunction,
} from "./wasm-assembler.ts";

/** Descents made in step with each other, so that the processor works on some while others wait for memory. */
export const LANES = 8;
/** Bytes of a tree's entry: i32 root, i32 depth, i32 offset of its score, i32 depth of the deepest of eight from here. */
export const TREE_BYTES = 16;

/**
 * How nodes lie in memory: the column that a node reads (times LANES), how many nodes on its first child is, and its
 * threshold. A leaf leads to itself and reads a column of NaN, which is above nothing, so the threshold's place is free
 * for the leaf's value.
 */
export interface NodeLayout {
  readonly float: FloatInstructions;
  readonly floatShift: number;
  /** Of the column, and of the way to the first child. */
  readonly indexBytes: 2 | 4;
  readonly nodeShift: number;
}

/** Nodes of 8 bytes: a row by itself is a sixth faster. Room for 8,190 columns and levels of up to 65,535 nodes. */
export const SMALL_FLOAT32: NodeLayout = { float: f32, floatShift: 2, indexBytes: 2, nodeShift: 3 };
/** Nodes of 16 bytes, for float32. */
export const FLOAT32: NodeLayout = { float: f32, floatShift: 2, indexBytes: 4, nodeShift: 4 };
/** Nodes of 16 bytes, for float64. */
export const FLOAT64: NodeLayout = { float: f64, floatShift: 3, indexBytes: 4, nodeShift: 4 };

/** What is used of WebAssembly; Node's types leave it out, and `node --jitless` has none. */
interface WebAssemblyApi {
  readonly Memory: new (pages: { initial: number; maximum: number }) => { readonly buffer: ArrayBuffer };
  readonly Module: new (bytes: Uint8Array<ArrayBuffer>) => Module;
  readonly Instance: new (
    module: Module,
    imports: { host: { memory: unknown } },
  ) => { readonly exports: unknown };
}
type Module = object;

/** The functions of the machine code. Addresses and strides are in bytes. */
interface LaneFunctions {
  /** Eight rows in step, tree after tree; a group of rows has its values lane by lane, column after column. */
  readonly scoreRows: (
    columns: number,
    groups: number,
    trees: number,
    treesEnd: number,
    scores: number,
    columnsStride: number,
    scoresStride: number,
  ) => void;
  /** One row, whose lane the addresses of columns and scores choose, through eight trees in step. */
  readonly scoreTrees: (columns: number, trees: number, treesEnd: number, scores: number) => void;
}

/** The machine code and the memory that it works on, which never grows. */
export interface LaneKernel extends LaneFunctions {
  readonly memory: ArrayBuffer;
}

const PAGE_BYTES = 65_536;
const MOST_PAGES = 65_536;

/** One module per layout serves the whole process. */
const modules = new Map<NodeLayout, Module>();

/** A kernel with so much memory, which is freed with it; undefined where there is not so much, or no WebAssembly. */
export function laneKernel(layout: NodeLayout, bytes: number): LaneKernel | undefined {
  const pages = Math.ceil(bytes / PAGE_BYTES);
  const { WebAssembly: api } = globalThis as { WebAssembly?: WebAssemblyApi };
  // The memory's numbers are little-endian everywhere, a typed array's the platform's.
  if (pages > MOST_PAGES || !api || endianness() !== "LE") return undefined;
  try {
    const memory = new api.Memory({ initial: pages, maximum: pages });
    const { exports } = new api.Instance(moduleOf(layout, api), { host: { memory } });
    const { scoreRows, scoreTrees } = exports as LaneFunctions;
    return { memory: memory.buffer, scoreRows, scoreTrees };
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function moduleOf(layout: NodeLayout, api: WebAssemblyApi): Module {
  const known = modules.get(layout);
  if (known) return known;
  const functions = { scoreRows: rowsFunction(layout), scoreTrees: treesFunction(layout) };
  const module = new api.Module(assemble(functions));
  modules.set(layout, module);
  return module;
}

function rowsFunction(layout: NodeLayout): WasmFunction {
  const { float } = layout;
  const floatBytes = 1 << layout.floatShift;
  const valueAt = 2 * layout.indexBytes;
  const code = new WasmFunction(7);
  const columns = code.variable();
  const groups = code.variable();
  const tree = code.variable();
  const treesEnd = code.variable();
  const scores = code.variable();
  const columnsStride = code.variable();
  const scoresStride = code.variable();
  const root = code.variable();
  const depth = code.variable();
  const level = code.variable();
  const group = code.variable();
  const column = code.variable();
  const score = code.variable();
  const nodes = Array.from({ length: LANES }, () => code.variable());
  const descent = descend(code, layout, nodes, level, column, floatBytes);
  code.body(
    repeat(
      [
        root.set(i32.load(tree.get, 0)),
        depth.set(i32.load(tree.get, 4)),
        score.set(i32.add(scores.get, i32.load(tree.get, 8))),
        column.set(columns.get),
        group.set(groups.get),
        repeat(
          [
            ...nodes.map((node) => node.set(root.get)),
            level.set(depth.get),
            descent,
            ...nodes.map((node, lane) =>
              float.store(
                score.get,
                lane * floatBytes,
                float.add(float.load(score.get, lane * floatBytes), float.load(node.get, valueAt)),
              ),
            ),
            column.set(i32.add(column.get, columnsStride.get)),
            score.set(i32.add(score.get, scoresStride.get)),
          ],
          group.tee(i32.subtract(group.get, i32.const(1))),
        ),
      ],
      i32.isBelow(tree.tee(i32.add(tree.get, i32.const(TREE_BYTES))), treesEnd.get),
    ),
  );
  return code;
}

function treesFunction(layout: NodeLayout): WasmFunction {
  const { float } = layout;
  const valueAt = 2 * layout.indexBytes;
  const code = new WasmFunction(4);
  const columns = code.variable();
  const tree = code.variable();
  const treesEnd = code.variable();
  const scores = code.variable();
  const level = code.variable();
  const score = code.variable();
  const nodes = Array.from({ length: LANES }, () => code.variable());
  const descent = descend(code, layout, nodes, level, columns, 0);
  code.body(
    repeat(
      [
        ...nodes.map((node, lane) => node.set(i32.load(tree.get, lane * TREE_BYTES))),
        level.set(i32.load(tree.get, 12)),
        descent,
        ...nodes.flatMap((node, lane) => [
          score.set(i32.add(scores.get, i32.load(tree.get, lane * TREE_BYTES + 8))),
          float.store(score.get, 0, float.add(float.load(score.get, 0), float.load(node.get, valueAt))),
        ]),
      ],
      i32.isBelow(tree.tee(i32.add(tree.get, i32.const(LANES * TREE_BYTES))), treesEnd.get),
    ),
  );
  return code;
}

/** From the nodes down to their leaves: `level` times, or until no lane has moved. */
function descend(
  code: WasmFunction,
  { float, floatShift, indexBytes, nodeShift }: NodeLayout,
  nodes: readonly Variable[],
  level: Variable,
  columns: Variable,
  laneBytes: number,
): Code {
  const moved = code.variable();
  const steps = code.variable();
  const index = indexBytes === 2 ? i32.load16 : i32.load;
  const step = (node: Variable, lane: number): Code => {
    const column = i32.shiftLeft(index(node.get, 0), i32.const(floatShift));
    const value = float.load(i32.add(columns.get, column), lane * laneBytes);
    const second = float.isAbove(value, float.load(node.get, 2 * indexBytes));
    const on = i32.add(steps.tee(index(node.get, indexBytes)), second);
    return [
      ...node.set(i32.add(node.get, i32.shiftLeft(on, i32.const(nodeShift)))),
      ...moved.set(i32.or(moved.get, steps.get)),
    ];
  };
  return repeat(
    [moved.set(i32.const(0)), ...nodes.map(step)],
    i32.and(isNotZero(level.tee(i32.subtract(level.get, i32.const(1)))), isNotZero(moved.get)),
  );
}

function isNotZero(value: Code): Code {
  return i32.isZero(i32.isZero(value));
}
