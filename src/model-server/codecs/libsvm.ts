import { InvalidInput, type Tensor } from "../model.ts";
import type { Signature } from "./fit.ts";

/** A line may be one byte long and stand for a row of any width: 256 MiB at most. */
const MAX_VALUES = 67_108_864;

/**
 * Reads text/libsvm for tree models: `[label] index:value index:value ...` per line. Indices are taken as they
 * stand, as AWS's XGBoost container does, so a model trained from a file that counts from 1 has an unused
 * column 0. What a line leaves out is missing to XGBoost and zero to LightGBM, as in their own sparse matrices.
 */
export function decodeLibsvm(text: string, model: Signature): Map<string, Tensor> {
  const [input] = model.inputs;
  const columns = input?.shape[1] ?? -1;
  if (!input || columns < 0 || input.type !== "float32")
    throw new InvalidInput("text/libsvm is for models with one table of float32 columns.");
  const lines = text.trimEnd().split("\n");
  if (lines.length === 1 && lines[0]!.trim() === "")
    throw new InvalidInput("The body is empty: send at least one row.");
  if (lines.length * columns > MAX_VALUES)
    throw new InvalidInput(
      `${lines.length} rows of ${columns} columns are more than ${MAX_VALUES} values: send fewer rows at once.`,
    );
  const data = new Float32Array(lines.length * columns).fill(model.format === "xgboost" ? Number.NaN : 0);
  lines.forEach((line, row) => {
    line
      .split("#", 1)[0]!
      .trim()
      .split(/\s+/)
      .forEach((token, at) => {
        const colon = token.indexOf(":");
        if (colon < 0 && at === 0) return; // the label
        const [name, written] = [token.slice(0, colon), token.slice(colon + 1)];
        if (name === "qid" && colon > 0) return;
        const index = Number(name);
        const value = /^[+-]?nan$/i.test(written) ? Number.NaN : written === "" ? undefined : Number(written);
        if (
          colon < 0 ||
          !/^\d+$/.test(name) ||
          value === undefined ||
          (Number.isNaN(value) && !/nan/i.test(written))
        )
          throw new InvalidInput(
            `Line ${row + 1}: ${JSON.stringify(token.slice(0, 60))} is not index:value.`,
          );
        if (index >= columns)
          throw new InvalidInput(
            `Line ${row + 1} has the index ${index}, but the model's columns are 0 to ${columns - 1}.`,
          );
        data[row * columns + index] = value;
      });
  });
  return new Map([[input.name, { name: input.name, type: "float32", shape: [lines.length, columns], data }]]);
}
