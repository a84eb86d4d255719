/** Writes ONNX files (onnx.proto of ONNX 1.16), so that models of any size can be made when they are measured. */

export interface OnnxNode {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly output: string;
  readonly attributes?: Readonly<Record<string, number | readonly number[]>>;
}

export interface OnnxWeights {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array | BigInt64Array;
}

/** A float32 tensor; its first dimension is the batch, whatever its size. */
export interface OnnxPort {
  readonly name: string;
  /** Without the batch. */
  readonly shape: readonly number[];
}

export interface OnnxGraph {
  readonly nodes: readonly OnnxNode[];
  readonly weights: readonly OnnxWeights[];
  readonly input: OnnxPort;
  readonly output: OnnxPort;
}

const IR_VERSION = 8;
const OPSET = 17;
const FLOAT = 1;
const INT64 = 7;
const ATTRIBUTE_INT = 2;
const ATTRIBUTE_INTS = 7;

/** The bytes of a model with this graph. */
export function onnxFile({ nodes, weights, input, output }: OnnxGraph): Buffer {
  const graph = [
    ...nodes.map((node) => bytes(1, nodeProto(node))),
    bytes(2, Buffer.from("bench")),
    ...weights.map((tensor) => bytes(5, tensorProto(tensor))),
    bytes(11, valueInfo(input)),
    bytes(12, valueInfo(output)),
  ];
  return Buffer.concat([integer(1, IR_VERSION), bytes(7, Buffer.concat(graph)), bytes(8, integer(2, OPSET))]);
}

function nodeProto({ op, inputs, output, attributes = {} }: OnnxNode): Buffer {
  return Buffer.concat([
    ...inputs.map((name) => bytes(1, Buffer.from(name))),
    bytes(2, Buffer.from(output)),
    bytes(4, Buffer.from(op)),
    ...Object.entries(attributes).map(([name, value]) => bytes(5, attribute(name, value))),
  ]);
}

function attribute(name: string, value: number | readonly number[]): Buffer {
  return Buffer.concat([
    bytes(1, Buffer.from(name)),
    ...(typeof value === "number" ? [integer(3, value)] : value.map((one) => integer(8, one))),
    integer(20, typeof value === "number" ? ATTRIBUTE_INT : ATTRIBUTE_INTS),
  ]);
}

function tensorProto({ name, shape, data }: OnnxWeights): Buffer {
  return Buffer.concat([
    ...shape.map((size) => integer(1, size)),
    integer(2, data instanceof Float32Array ? FLOAT : INT64),
    bytes(8, Buffer.from(name)),
    bytes(9, Buffer.from(data.buffer, data.byteOffset, data.byteLength)),
  ]);
}

function valueInfo({ name, shape }: OnnxPort): Buffer {
  const batch = bytes(2, Buffer.from("batch"));
  const dimensions = [batch, ...shape.map((size) => integer(1, size))].map((one) => bytes(1, one));
  const tensor = Buffer.concat([integer(1, FLOAT), bytes(2, Buffer.concat(dimensions))]);
  return Buffer.concat([bytes(1, Buffer.from(name)), bytes(2, bytes(1, tensor))]);
}

/** A field of protobuf's wire type 2: bytes, text or a message. */
function bytes(field: number, value: Buffer): Buffer {
  return Buffer.concat([varint(field * 8 + 2), varint(value.length), value]);
}

function integer(field: number, value: number): Buffer {
  return Buffer.concat([varint(field * 8), varint(value)]);
}

function varint(value: number): Buffer {
  const written: number[] = [];
  // Negative numbers are written as 64 bits.
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest > 0x7fn; rest >>= 7n) written.push(Number(rest & 0x7fn) | 0x80);
  return Buffer.from([...written, Number(rest)]);
}
