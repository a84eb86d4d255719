import { InvalidInput, type Tensor, type TensorInfo, type TensorType } from "../model.ts";
import { fitTensor, type Signature, type Value } from "./fit.ts";

const MAX_RANK = 16;
const DATATYPES: Readonly<Record<string, TensorType>> = {
  FP32: "float32",
  FP64: "float64",
  INT8: "int8",
  UINT8: "uint8",
  INT16: "int16",
  UINT16: "uint16",
  INT32: "int32",
  UINT32: "uint32",
  INT64: "int64",
  UINT64: "uint64",
  BOOL: "bool",
  BYTES: "string",
};

/** The datatype names of the Open Inference protocol, for its answers. */
export const OPEN_INFERENCE_TYPES: ReadonlyMap<TensorType, string> = new Map(
  Object.entries(DATATYPES).map(([datatype, type]) => [type, datatype]),
);

type Json = Value | Json[] | { [name: string]: Json };

/** Whether a JSON body is of the Open Inference protocol, and so wants its answer in it. */
export function isOpenInference(document: unknown): boolean {
  const inputs = (document as { inputs?: unknown } | null)?.inputs;
  return (
    Array.isArray(inputs) &&
    inputs.length > 0 &&
    inputs.every((one) => typeof one?.name === "string" && "datatype" in one)
  );
}

/**
 * Reads application/json in the forms that clients of model servers send: `{"instances": [row, ...]}` (a row is an
 * array, `{"features": [...]}` or an object of named inputs), `{"inputs": ...}` (one array, or arrays by name),
 * a bare array, and the Open Inference protocol's `{"inputs": [{name, shape, datatype, data}]}`.
 */
export function decodeJson(document: unknown, model: Signature): Map<string, Tensor> {
  if (Array.isArray(document)) return named({ [onlyInput(model).name]: document }, model);
  if (typeof document !== "object" || document === null)
    throw new InvalidInput(
      'The JSON body must be an array of rows, or an object with "instances" or "inputs".',
    );
  const { instances, inputs } = document as { instances?: Json; inputs?: Json };
  if (isOpenInference(document)) return openInference(inputs as unknown as OpenInferenceInput[], model);
  if (Array.isArray(instances)) return decodeRows(instances, model);
  if (Array.isArray(inputs)) return named({ [onlyInput(model).name]: inputs }, model);
  if (typeof inputs === "object" && inputs !== null) return named(inputs, model);
  if (model.inputs.some((info) => Object.hasOwn(document, info.name)))
    return named(document as Record<string, Json>, model);
  throw new InvalidInput(
    `The JSON object has neither "instances" nor "inputs" as an array; its members are ${Object.keys(document).slice(0, 8).join(", ") || "none"}.`,
  );
}

/** Reads rows that are arrays, `{"features": [...]}` or objects of named inputs. */
export function decodeRows(rows: readonly unknown[], model: Signature): Map<string, Tensor> {
  if (rows.length === 0) throw new InvalidInput("The request holds no rows: send at least one.");
  const [first] = rows;
  if (typeof first !== "object" || first === null || Array.isArray(first))
    return named({ [onlyInput(model).name]: rows as Json[] }, model);
  const columns: Record<string, Json[]> = Object.create(null);
  rows.forEach((row, index) => {
    if (typeof row !== "object" || row === null || Array.isArray(row))
      throw new InvalidInput(`Row ${index + 1} is not an object as the first row is.`);
    for (const [name, value] of Object.entries(row))
      (columns[inputName(name, model)] ??= []).push(value as Json);
  });
  for (const [name, values] of Object.entries(columns))
    if (values.length !== rows.length)
      throw new InvalidInput(`Only ${values.length} of ${rows.length} rows have '${name}'.`);
  return named(columns, model);
}

/** AWS's own algorithms call the only input "features", so that name stands for it. */
function inputName(name: string, model: Signature): string {
  const [only, second] = model.inputs;
  return name === "features" && only && !second ? only.name : name;
}

function named(values: Readonly<Record<string, Json>>, model: Signature): Map<string, Tensor> {
  const tensors = new Map<string, Tensor>();
  for (const [name, value] of Object.entries(values)) {
    const info = model.inputs.find((one) => one.name === inputName(name, model));
    if (!info)
      throw new InvalidInput(
        `The model has no input '${name.slice(0, 60)}'. Its inputs are ${model.inputs.map((one) => one.name).join(", ")}.`,
      );
    const { shape, flat } = flatten(value, info.name);
    tensors.set(info.name, fitTensor(info, shape, flat));
  }
  return tensors;
}

function onlyInput(model: Signature): TensorInfo {
  const [only, second] = model.inputs;
  if (!only || second)
    throw new InvalidInput(
      `The model has several inputs: name them, {"inputs": {${model.inputs.map((one) => `"${one.name}": [...]`).join(", ")}}}.`,
    );
  return only;
}

/** Nested arrays as one list and their shape; every array of a level must be as long as its neighbours. */
function flatten(value: Json, name: string): { shape: number[]; flat: Value[] } {
  const shape: number[] = [];
  for (let inner = value; Array.isArray(inner); inner = inner[0]!) {
    shape.push(inner.length);
    if (shape.length > MAX_RANK)
      throw new InvalidInput(`Input '${name}' is nested more than ${MAX_RANK} arrays deep.`);
  }
  const flat: Value[] = [];
  const walk = (inner: Json, level: number): void => {
    if (level === shape.length) {
      if (typeof inner === "object" && inner !== null)
        throw new InvalidInput(
          `Input '${name}' mixes values with ${Array.isArray(inner) ? "arrays" : "objects"}.`,
        );
      flat.push(inner);
      return;
    }
    if (!Array.isArray(inner) || inner.length !== shape[level])
      throw new InvalidInput(
        `Input '${name}' is ragged: an array of ${shape[level]} is followed by ${Array.isArray(inner) ? `one of ${inner.length}` : "a value"}.`,
      );
    for (const one of inner) walk(one, level + 1);
  };
  walk(value, 0);
  return { shape, flat };
}

interface OpenInferenceInput {
  readonly name: string;
  readonly shape: readonly number[];
  readonly datatype: string;
  readonly data: Json;
}

function openInference(inputs: readonly OpenInferenceInput[], model: Signature): Map<string, Tensor> {
  const tensors = new Map<string, Tensor>();
  for (const { name, shape, datatype, data } of inputs) {
    const info = model.inputs.find((one) => one.name === name);
    if (!info)
      throw new InvalidInput(
        `The model has no input '${name.slice(0, 60)}'. Its inputs are ${model.inputs.map((one) => one.name).join(", ")}.`,
      );
    if (typeof datatype !== "string" || DATATYPES[datatype] !== info.type)
      throw new InvalidInput(
        `Input '${name}' has the datatype ${JSON.stringify(datatype)?.slice(0, 20)}, but the model takes ${OPEN_INFERENCE_TYPES.get(info.type)}.`,
      );
    if (!Array.isArray(shape) || !shape.every((size) => Number.isInteger(size) && size >= 0))
      throw new InvalidInput(`Input '${name}' must have a "shape" of whole numbers.`);
    const { flat } = flatten(data, name);
    if (flat.length !== shape.reduce((product, size) => product * size, 1))
      throw new InvalidInput(
        `Input '${name}' has ${flat.length} values in "data", but its shape [${shape.join(", ")}] holds another number.`,
      );
    tensors.set(name, fitTensor(info, shape, flat));
  }
  return tensors;
}

/** JSON from the body's bytes, with an error that says what Python's `json.dumps` does wrong. */
export function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const hint = /\b(NaN|Infinity)\b/.test(text)
      ? " NaN and Infinity are no JSON: write null for a missing value."
      : "";
    throw new InvalidInput(`${what} is not valid JSON: ${(error as Error).message.slice(0, 200)}.${hint}`);
  }
}
