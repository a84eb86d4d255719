import { InvalidInput, type Tensor, type TensorData, type TensorInfo, type TensorType } from "../model.ts";

/** What a decoder must know of a model to read a request for it. */
export interface Signature {
  readonly format: "onnx" | "xgboost" | "lightgbm";
  readonly inputs: readonly TensorInfo[];
}

/** A value of a request before its type is known; NaN stands for a missing number. */
export type Value = number | bigint | boolean | string | null;

const INTEGER_RANGES: Partial<Record<TensorType, readonly [number, number]>> = {
  int8: [-128, 127],
  uint8: [0, 255],
  int16: [-32_768, 32_767],
  uint16: [0, 65_535],
  int32: [-2_147_483_648, 2_147_483_647],
  uint32: [0, 4_294_967_295],
};

/** An input's tensor from values in row-major order and the shape that the request gave them. */
export function fitTensor(info: TensorInfo, shape: readonly number[], values: readonly Value[]): Tensor {
  return { name: info.name, type: info.type, shape: fitShape(info, shape), data: typedData(info, values) };
}

/**
 * The shape in which the model takes the values. A request may leave out the batch dimension (one row for
 * [-1, 30]), give one value per row for [-1, 1], or flatten what follows the batch dimension (rows of 784 for
 * [-1, 28, 28]), because CSV can say no more than that.
 */
export function fitShape(info: TensorInfo, shape: readonly number[]): readonly number[] {
  const declared = info.shape;
  const matches = (given: readonly number[]) =>
    given.length === declared.length && declared.every((size, axis) => size === -1 || size === given[axis]);
  if (declared.length === 0 || matches(shape)) return shape;
  const [rows = 1, columns] = shape;
  const forms = [[1, ...shape]];
  if (shape.length === 1) forms.push([rows, 1]);
  if (shape.length === 2 && columns === 1) forms.push([rows]);
  if (shape.length === 2 && columns === width(info)) forms.push([rows, ...declared.slice(1)]);
  if (shape.length === 1 && rows === width(info)) forms.push([1, ...declared.slice(1)]);
  const form = forms.find(matches);
  if (form) return form;
  throw new InvalidInput(
    `Input '${info.name}' has the shape [${shape.join(", ")}], but the model takes [${declared.join(", ")}]` +
      `${declared.includes(-1) ? " (-1 is any size)" : ""}.`,
  );
}

/** How many values one row of the input has, or undefined where requests choose it. */
export function width(info: TensorInfo): number | undefined {
  const rest = info.shape.slice(1);
  return info.shape.length === 0 || rest.includes(-1)
    ? undefined
    : rest.reduce((product, size) => product * size, 1);
}

const ARRAYS = {
  float32: Float32Array,
  float64: Float64Array,
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
  bool: Uint8Array,
} as const;

/** Room for `length` values of a type. */
export function allocate(type: Exclude<TensorType, "string">, length: number): Exclude<TensorData, string[]> {
  return new ARRAYS[type](length);
}

/** A request's values as the model stores them; what the type can not hold is refused. */
export function typedData(info: TensorInfo, values: readonly Value[]): TensorData {
  const { type } = info;
  if (type === "string")
    return values.map((value) => (typeof value === "string" ? value : refuse(info, value)));
  const data = allocate(type, values.length);
  for (let i = 0; i < values.length; i++) data[i] = convert(info, values[i]!);
  return data;
}

function convert(info: TensorInfo, value: Value): number | bigint {
  const { type } = info;
  if (type === "float32" || type === "float64") {
    if (value === null) return Number.NaN;
    return typeof value === "string" ? refuse(info, value) : Number(value);
  }
  if (type === "bool")
    return value === true || value === 1 ? 1 : value === false || value === 0 ? 0 : refuse(info, value);
  if (type === "int64" || type === "uint64") {
    const whole =
      typeof value === "bigint"
        ? value
        : Number.isSafeInteger(value)
          ? BigInt(value as number)
          : refuse(info, value);
    return (type === "int64" ? BigInt.asIntN(64, whole) : BigInt.asUintN(64, whole)) === whole
      ? whole
      : refuse(info, value);
  }
  const [least, most] = INTEGER_RANGES[type as "int8"]!;
  const whole = Number(typeof value === "string" || value === null ? Number.NaN : value);
  return Number.isInteger(whole) && whole >= least && whole <= most ? whole : refuse(info, value);
}

function refuse(info: TensorInfo, value: Value | undefined): never {
  const shown =
    typeof value === "bigint"
      ? String(value)
      : Number.isNaN(value)
        ? "NaN"
        : JSON.stringify(value)?.slice(0, 60);
  throw new InvalidInput(`Input '${info.name}' takes ${info.type} values, and ${shown} is none.`);
}
