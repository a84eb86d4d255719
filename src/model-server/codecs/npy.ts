import { InvalidInput, type Tensor, type TensorData, type TensorType } from "../model.ts";
import { allocate, fitShape, type Signature, typedData } from "./fit.ts";

const DTYPES: Readonly<Record<string, Exclude<TensorType, "string">>> = {
  f4: "float32",
  f8: "float64",
  i1: "int8",
  u1: "uint8",
  i2: "int16",
  u2: "uint16",
  i4: "int32",
  u4: "uint32",
  i8: "int64",
  u8: "uint64",
  b1: "bool",
};
const MAX_HEADER = 65_536;
const MAX_RANK = 32;

/** Reads application/x-npy, the format of `numpy.save`, versions 1 to 3. Arrays of objects are pickles and are refused. */
export function decodeNpy(body: Buffer, model: Signature): Map<string, Tensor> {
  const [info, second] = model.inputs;
  if (!info || second)
    throw new InvalidInput(
      "application/x-npy carries one array, but the model has several inputs: send application/json with named inputs.",
    );
  const { type, shape, data } = parseNpy(body);
  const fitted = fitShape(info, shape);
  return new Map([
    [info.name, { name: info.name, type: info.type, shape: fitted, data: cast(data, type, info) }],
  ]);
}

/** An array in the NPY format, version 1.0, in row-major order. */
export function encodeNpy({ type, shape, data }: Tensor): Buffer {
  const dtype = Object.entries(DTYPES).find(([, name]) => name === type)?.[0];
  if (!dtype || Array.isArray(data))
    throw new InvalidInput(
      `The output is ${type}, which application/x-npy can not carry: accept application/json.`,
    );
  const tuple = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
  const order = dtype.endsWith("1") ? "|" : "<";
  const text = `{'descr': '${order}${dtype}', 'fortran_order': False, 'shape': (${tuple}), }`;
  // NumPy pads so that the values start at a multiple of 64 bytes.
  const total = Math.ceil((10 + text.length + 1) / 64) * 64;
  const header = Buffer.from(`\x93NUMPY\x01\x00\x00\x00${text.padEnd(total - 11)}\n`, "latin1");
  header.writeUInt16LE(total - 10, 8);
  return Buffer.concat([header, Buffer.from(data.buffer, data.byteOffset, data.byteLength)]);
}

function bad(reason: string): InvalidInput {
  return new InvalidInput(`The body is no usable NPY array: ${reason}.`);
}

interface NpyArray {
  readonly type: Exclude<TensorType, "string">;
  readonly shape: readonly number[];
  readonly data: Exclude<TensorData, string[]>;
}

/** The header is a Python literal of fixed form; it is matched, never evaluated. */
export function parseNpy(body: Buffer): NpyArray {
  if (body.length < 12 || body.toString("latin1", 0, 6) !== "\x93NUMPY")
    throw bad("it does not start with NumPy's magic bytes");
  const version = body[6]!;
  if (version < 1 || version > 3) throw bad(`its format version ${version} is not known`);
  const start = version === 1 ? 10 : 12;
  const headerLength = version === 1 ? body.readUInt16LE(8) : body.readUInt32LE(8);
  if (headerLength > MAX_HEADER || start + headerLength > body.length)
    throw bad(`its header claims ${headerLength} bytes`);
  const header = body.toString("utf8", start, start + headerLength);
  const descr = /'descr'\s*:\s*'([<>|=])([A-Za-z])(\d*)'/.exec(header);
  const order = /'fortran_order'\s*:\s*(True|False)/.exec(header)?.[1];
  const tuple = /'shape'\s*:\s*\(([\d, ]*)\)/.exec(header)?.[1];
  if (!descr || !order || tuple === undefined)
    throw bad("its header does not name descr, fortran_order and shape of a plain array");
  const [, endian, kind, size] = descr;
  if (kind === "O") throw bad("it holds Python objects, which would have to be unpickled");
  const type = DTYPES[`${kind}${size}`];
  if (!type) throw bad(`its dtype ${endian}${kind}${size} is not one of ${Object.keys(DTYPES).join(", ")}`);
  const shape = tuple
    .split(",")
    .filter((part) => part.trim() !== "")
    .map(Number);
  const bytes = Number(size) * shape.reduce((product, one) => product * one, 1);
  const offset = start + headerLength;
  if (shape.length > MAX_RANK || bytes !== body.length - offset)
    throw bad(
      `its shape (${tuple.slice(0, 100)}) of ${kind}${size} needs ${bytes} bytes, but ${body.length - offset} follow`,
    );
  const values = valuesAt(body, offset, type, Number(size), endian === ">");
  return { type, shape, data: order === "True" ? rowMajor(values, shape, type) : values };
}

function cast(
  data: NpyArray["data"],
  type: TensorType,
  info: { readonly name: string; readonly type: TensorType; readonly shape: readonly number[] },
): TensorData {
  if (type === info.type) return data;
  if (info.type === "float32" && type === "float64") return Float32Array.from(data as Float64Array);
  return typedData(info, Array.from(data as ArrayLike<number | bigint>));
}

/** Where they are if they are aligned there, and in this machine's order of bytes; else a copy. */
function valuesAt(
  body: Buffer,
  offset: number,
  type: NpyArray["type"],
  size: number,
  swapped: boolean,
): NpyArray["data"] {
  const data = allocate(type, 0).constructor as new (
    buffer: ArrayBufferLike,
    at?: number,
    length?: number,
  ) => NpyArray["data"];
  const at = body.byteOffset + offset;
  if (!swapped && at % size === 0) return new data(body.buffer, at, (body.length - offset) / size);
  const raw = new Uint8Array(body.subarray(offset));
  if (swapped) swap(raw, size);
  return new data(raw.buffer);
}

function swap(bytes: Uint8Array, size: number): void {
  for (let at = 0; at < bytes.length; at += size) bytes.subarray(at, at + size).reverse();
}

/** Fortran order counts the first axis fastest. */
function rowMajor(
  data: NpyArray["data"],
  shape: readonly number[],
  type: Exclude<TensorType, "string">,
): NpyArray["data"] {
  const out = allocate(type, data.length);
  const index = shape.map(() => 0);
  const strides: number[] = [];
  shape.reduce((stride, size) => (strides.push(stride), stride * size), 1);
  for (let to = 0; to < data.length; to++) {
    let from = 0;
    for (let axis = 0; axis < shape.length; axis++) from += index[axis]! * strides[axis]!;
    out[to] = data[from]!;
    for (let axis = shape.length - 1; axis >= 0 && ++index[axis]! === shape[axis]; axis--) index[axis] = 0;
  }
  return out;
}
