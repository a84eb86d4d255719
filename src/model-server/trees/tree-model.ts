import { InvalidInput, type Model, type Tensor, type TensorInfo } from "../model.ts";
import type { Precision } from "./compile.ts";
import type { Floats, Scorer } from "./scorer.ts";
import { likeliest, type Link } from "./links.ts";

/** What the readers find in a file. */
export interface TreeModelParts {
  readonly format: "xgboost" | "lightgbm";
  readonly precision: Precision;
  /** Features per row. */
  readonly features: number;
  /** What each row's scores start from, one per output. */
  readonly base: readonly number[];
  readonly scorer: Scorer;
  readonly link: Link;
}

/** The model of a boosted ensemble: `features` in, `predictions` out. */
export class TreeModel implements Model {
  readonly format: "xgboost" | "lightgbm";
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  readonly #parts: TreeModelParts;

  constructor(parts: TreeModelParts) {
    const { format, precision, features, base, link } = parts;
    const perRow = link === likeliest || base.length === 1 ? [] : [base.length];
    this.format = format;
    this.inputs = [{ name: "features", type: precision, shape: [-1, features] }];
    this.outputs = [{ name: "predictions", type: precision, shape: [-1, ...perRow] }];
    this.#parts = parts;
  }

  run(inputs: ReadonlyMap<string, Tensor>): readonly Tensor[] {
    const { precision, base, scorer, link } = this.#parts;
    const { rows, data } = this.#features(inputs);
    const groups = base.length;
    const scores =
      precision === "float32" ? new Float32Array(rows * groups) : new Float64Array(rows * groups);
    if (groups === 1) scores.fill(base[0]!);
    else for (let row = 0; row < rows; row++) scores.set(base, row * groups);
    scorer.addScores(data, rows, scores);
    const [output] = this.outputs as [TensorInfo];
    return [{ ...output, shape: [rows, ...output.shape.slice(1)], data: link(scores, groups) }];
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  #features(inputs: ReadonlyMap<string, Tensor>): { rows: number; data: Floats } {
    const { features: wanted } = this.#parts;
    const tensor = inputs.get("features");
    const [unknown] = [...inputs.keys()].filter((name) => name !== "features");
    if (!tensor || unknown !== undefined)
      throw new InvalidInput(
        `The model takes one input, 'features'${unknown === undefined ? "" : `, and none named '${unknown}'`}.`,
      );
    const { data } = tensor;
    if (!(data instanceof Float32Array || data instanceof Float64Array))
      throw new InvalidInput(`Input 'features' takes float32 or float64 values, not ${tensor.type}.`);
    const [rows, width] = tensor.shape;
    if (tensor.shape.length !== 2 || rows === undefined)
      throw new InvalidInput(
        `Input 'features' takes rows of ${wanted} columns, not the shape [${tensor.shape.join(", ")}].`,
      );
    if (width !== wanted)
      throw new InvalidInput(
        // The sentence of AWS's container (serve_utils.py), which names the content type after "Feature size of".
        // Its leave to bring one column too few, for files without a label, lets wrong columns pass: not copied.
        `Feature size of inference data ${width} is not consistent with feature size of trained model ${wanted}.`,
      );
    if (data.length !== rows * wanted)
      throw new InvalidInput(
        `Input 'features' has ${data.length} values where its shape says ${rows * wanted}.`,
      );
    return { rows, data };
  }
}
