/** What every runtime of the built-in model server gives: a loaded model that maps tensors to tensors. */

/** Names as ONNX and NumPy know them. */
export type TensorType =
  | "float32"
  | "float64"
  | "int8"
  | "uint8"
  | "int16"
  | "uint16"
  | "int32"
  | "uint32"
  | "int64"
  | "uint64"
  | "bool"
  | "string";

export type TensorData =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array
  | string[];

/** Values in row-major order; `bool` is stored as Uint8Array of 0 and 1. */
export interface Tensor {
  readonly name: string;
  readonly type: TensorType;
  readonly shape: readonly number[];
  readonly data: TensorData;
}

/** What a model declares of an input or output: -1 is a dimension that a request chooses. */
export interface TensorInfo {
  readonly name: string;
  readonly type: TensorType;
  readonly shape: readonly number[];
}

/** Which conventions of answers apply: AWS's XGBoost container answers CSV otherwise than a generic server. */
export type ModelFormat = "onnx" | "xgboost" | "lightgbm";

export interface Model extends AsyncDisposable {
  readonly format: ModelFormat;
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  /** Inputs by name. Throws InvalidInput when names, types or shapes do not fit. */
  run(inputs: ReadonlyMap<string, Tensor>): Promise<readonly Tensor[]> | readonly Tensor[];
}

/** The request does not fit the model: the caller gets a 400 with this sentence. */
export class InvalidInput extends Error {
  override readonly name = "InvalidInput";
}

/** The artifact can not be served: the endpoint fails with this sentence. */
export class InvalidModel extends Error {
  override readonly name = "InvalidModel";
}
