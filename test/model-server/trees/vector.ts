import { globSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";

import type { Model } from "../../../src/model-server/model.ts";

const FOLDER = join(import.meta.dirname, "vectors");

/** What vectors/make.py wrote: inputs and the framework's own predictions for them. */
export interface Vector {
  readonly columns: number;
  readonly rows: readonly (readonly (number | null)[])[];
  readonly predictions: readonly (number | readonly number[])[];
}

/** The model files of a framework, and the vectors that each has to answer. */
export function modelFiles(framework: "xgboost" | "lightgbm"): [file: string, vectors: string[]][] {
  return globSync(join(FOLDER, `${framework}-*.model.*`))
    .map((path) => basename(path))
    .sort()
    .map((file) => {
      const name = file.slice(0, file.indexOf(".model."));
      return [file, name === "xgboost-binary" ? [name, `${name}-edges`] : [name]];
    });
}

/** The bytes of a model file. */
export function modelBytes(file: string): Uint8Array {
  return readFileSync(join(FOLDER, file));
}

/** A vector by its name. */
export function readVector(name: string): Vector {
  return JSON.parse(readFileSync(join(FOLDER, `${name}.json`), "utf8"));
}

/** The model's answer for rows. */
export async function predict(
  model: Model,
  rows: Vector["rows"],
): Promise<{ shape: readonly number[]; values: number[] }> {
  const [input] = model.inputs;
  if (!input) throw new Error("The model has no input.");
  const values = rows.flat().map((value) => value ?? Number.NaN);
  const data = input.type === "float32" ? Float32Array.from(values) : Float64Array.from(values);
  const shape = [rows.length, rows[0]?.length ?? 0];
  const [output] = await model.run(
    new Map([[input.name, { name: input.name, type: input.type, shape, data }]]),
  );
  if (!output) throw new Error("The model gave no output.");
  return { shape: output.shape, values: Array.from(output.data as Float32Array) };
}

/** The greatest difference, relative to the expected value where that is above 1. */
export function greatestDifference(given: readonly number[], expected: Vector["predictions"]): number {
  const wanted = expected.flat();
  if (given.length !== wanted.length) return Infinity;
  return Math.max(
    0,
    ...given.map((value, i) => Math.abs(value - wanted[i]!) / Math.max(1, Math.abs(wanted[i]!))),
  );
}
