import type { Clock } from "../base/clock.ts";
import { allocate } from "./codecs/fit.ts";
import type { Model, Tensor, TensorInfo } from "./model.ts";

const ROWS = 8;
const MOST_VALUES = 4_000_000;
/** Slower models are bound by arithmetic, where rows together cost as much as rows alone. */
const SLOW_RUN_MS = 5;

/** A comparison of fast models takes at least so long, so that an interruption does not decide it. */
const MEASURED_MS = 5;

/** What a first run on made-up rows tells of a model. */
export interface WarmUp {
  /** Whether requests may be merged into one run: rows do not see each other, and together they are faster. */
  readonly merge: boolean;
  /** Why the model could not run on made-up rows; real rows may do better. */
  readonly failure?: string;
}

/**
 * Runs the model before its first request, so that no caller pays for what is done once. `maxRows`, where it is given,
 * says whether requests shall be merged; that rows do not see each other must be true all the same.
 */
export async function warmUp(model: Model, clock: Clock, maxRows?: number): Promise<WarmUp> {
  try {
    const single = sample(model.inputs, 0, 1);
    if (!single) return { merge: false };
    await model.run(single);
    if (maxRows === 1) return { merge: false };
    if (model.format !== "onnx") return { merge: true };
    if (![...model.inputs, ...model.outputs].every(({ shape }) => shape[0] === -1)) return { merge: false };
    const asked = maxRows !== undefined;
    if (!asked && (await isSlow(model, clock, single))) return { merge: false };
    const together = sample(model.inputs, 0, ROWS);
    if (!together) return { merge: false };
    const alone = Array.from({ length: ROWS }, (_, row) => sample(model.inputs, row, 1)!);
    if (!(await areIndependent(model, alone, together))) return { merge: false };
    return { merge: asked || (await areCheaper(model, clock, alone, together)) };
  } catch (error) {
    return { merge: false, failure: (error as Error).message };
  }
}

type Inputs = ReadonlyMap<string, Tensor>;

async function areIndependent(model: Model, alone: readonly Inputs[], together: Inputs): Promise<boolean> {
  const expected: (readonly Tensor[])[] = [];
  for (const one of alone) expected.push(await model.run(one));
  const merged = await model.run(together);
  return expected.every((outputs, row) => outputs.every((output, at) => sameRow(merged[at]!, row, output)));
}

/** The fastest of a few runs tells: on a busy machine any one may have had to wait for a core. */
async function isSlow(model: Model, clock: Clock, inputs: Inputs): Promise<boolean> {
  for (let tries = 0; tries < 3; tries++) {
    const start = clock.monotonic();
    await model.run(inputs);
    const took = clock.monotonic() - start;
    if (took <= SLOW_RUN_MS) return false;
    if (took > 10 * SLOW_RUN_MS) return true;
  }
  return true;
}

/** Whether a second gives at least a fifth more rows when they run together. */
async function areCheaper(
  model: Model,
  clock: Clock,
  alone: readonly Inputs[],
  together: Inputs,
): Promise<boolean> {
  let [aloneMs, togetherMs] = [Infinity, Infinity];
  const end = clock.monotonic() + MEASURED_MS;
  for (let round = 0; round < 3 || (round < 20 && clock.monotonic() < end); round++) {
    let start = clock.monotonic();
    for (const one of alone) await model.run(one);
    aloneMs = Math.min(aloneMs, clock.monotonic() - start);
    start = clock.monotonic();
    await model.run(together);
    togetherMs = Math.min(togetherMs, clock.monotonic() - start);
  }
  return togetherMs * 1.2 < aloneMs;
}

/** Rows `from` to `from + rows` of an endless made-up table, or undefined for inputs too large to make up. */
function sample(inputs: readonly TensorInfo[], from: number, rows: number): Map<string, Tensor> | undefined {
  const tensors = new Map<string, Tensor>();
  for (const { name, type, shape: declared } of inputs) {
    const shape = declared.map((size, axis) => (size !== -1 ? size : axis === 0 ? rows : 1));
    const length = shape.reduce((product, size) => product * size, 1);
    if (length > MOST_VALUES) return undefined;
    const first = (length / rows) * from;
    const value = (i: number) =>
      type.startsWith("float") ? (((first + i) * 7919) % 1000) / 1000 : (first + i) % 2;
    let data: Tensor["data"];
    if (type === "string") data = Array.from({ length }, () => "");
    else {
      data = allocate(type, length);
      for (let i = 0; i < length; i++) data[i] = type.endsWith("int64") ? BigInt(value(i)) : value(i);
    }
    tensors.set(name, { name, type, shape, data });
  }
  return tensors;
}

function sameRow(merged: Tensor, row: number, single: Tensor): boolean {
  const size = single.data.length;
  if (merged.shape[0] !== ROWS || merged.data.length !== size * ROWS) return false;
  return Array.from({ length: size }, (_, i) => [merged.data[row * size + i], single.data[i]]).every(
    ([a, b]) =>
      Object.is(a, b) ||
      (typeof a === "number" && Math.abs(a - (b as number)) <= 1e-5 * Math.max(1, Math.abs(a))),
  );
}
