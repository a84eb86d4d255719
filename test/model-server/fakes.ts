import type { Model, Tensor, TensorInfo } from "../../src/model-server/model.ts";

/** A model of one float32 input that says how often it ran and on how many rows. */
export class FakeModel implements Model {
  readonly format = "onnx";
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  /** The rows of each run. */
  readonly runs: number[] = [];
  readonly #answer: (data: Float32Array, rows: number) => number[] | Promise<number[]>;

  constructor(
    answer: (data: Float32Array, rows: number) => number[] | Promise<number[]>,
    shape: readonly number[] = [-1, 1],
  ) {
    this.#answer = answer;
    this.inputs = [{ name: "x", type: "float32", shape }];
    this.outputs = [{ name: "y", type: "float32", shape: [-1] }];
  }

  async run(inputs: ReadonlyMap<string, Tensor>): Promise<readonly Tensor[]> {
    const { shape, data } = inputs.get("x")!;
    this.runs.push(shape[0]!);
    const answer = await this.#answer(data as Float32Array, shape[0]!);
    return [{ name: "y", type: "float32", shape: [answer.length], data: Float32Array.from(answer) }];
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

/** A request of rows with one value each. */
export function column(...values: number[]): Map<string, Tensor> {
  return new Map([
    ["x", { name: "x", type: "float32", shape: [values.length, 1], data: Float32Array.from(values) }],
  ]);
}
