import { open } from "node:fs/promises";
import { PROGRAM } from "./program-name.ts";
import type { TarFile } from "./tar.ts";

/** A line that a person can paste to see a prediction: with as many features as the model says it takes. */
export async function invokeLine(
  endpoint: string,
  files: readonly TarFile[],
  asynchronous = false,
): Promise<string> {
  const invoke = `${PROGRAM} invoke ${endpoint}${asynchronous ? " --async" : ""}`;
  for (const file of files) {
    const count = await featureCount(file);
    if (count !== undefined && count > 0 && count <= 1000)
      return `${invoke} -t text/csv -d '${Array<string>(count).fill("0").join(",")}'`;
  }
  return `${invoke} -t application/json -d @input.json`;
}

/** How many numbers a row has, where the file says so near its beginning or (ONNX) its end. */
async function featureCount({ source, path, size }: TarFile): Promise<number | undefined> {
  if (/\.onnx$/i.test(path)) return size <= MOST ? onnxFeatures(await bytes(source, 0, size)) : undefined;
  if (/(\.(json|ubj|txt|lgb|bin|xgb)|xgboost-model)$/i.test(path)) {
    const start = await bytes(source, 0, Math.min(size, 65_536));
    const end = await bytes(source, Math.max(0, size - 65_536), Math.min(size, 65_536));
    return treeFeatures(start.toString("latin1")) ?? treeFeatures(end.toString("latin1"));
  }
  return undefined;
}

const MOST = 64 * 1024 * 1024;

/** XGBoost's `num_feature` (JSON and UBJSON), LightGBM's `max_feature_idx`. */
export function treeFeatures(text: string): number | undefined {
  const xgboost = /num_feature"?(?:\s*:\s*"|SL[\s\S]{8}|S[iUIl][\s\S]{1,4}?)(\d+)/.exec(text)?.[1];
  if (xgboost !== undefined) return Number(xgboost);
  const lightgbm = /^max_feature_idx=(\d+)/m.exec(text)?.[1];
  return lightgbm === undefined ? undefined : Number(lightgbm) + 1;
}

/** The columns of an ONNX model whose one input is a table of numbers, `[batch, columns]`. */
export function onnxFeatures(model: Uint8Array): number | undefined {
  try {
    const graph = only(model, 7);
    const weights = new Set(all(graph, 5).map((tensor) => name(tensor, 8)));
    const inputs = all(graph, 11).filter((input) => !weights.has(name(input, 1)));
    if (inputs.length !== 1 || !inputs[0]) return undefined;
    const shape = only(only(only(inputs[0], 2), 1), 2);
    const dimensions = all(shape, 1).map((dimension) => integer(dimension, 1));
    return dimensions.length === 2 ? dimensions[1] : undefined;
  } catch {
    return undefined; // Not ONNX after all: then there is no sample.
  }
}

/** The fields of a protobuf message: numbers as they are, everything else as bytes. */
function* fields(message: Uint8Array): Generator<[field: number, value: number | Uint8Array]> {
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = message[at++];
      if (byte === undefined) throw new RangeError("cut off");
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  };
  while (at < message.length) {
    const tag = varint();
    const kind = tag % 8;
    if (kind === 0) yield [Math.floor(tag / 8), varint()];
    else if (kind === 1) at += 8;
    else if (kind === 5) at += 4;
    else if (kind === 2) {
      const length = varint();
      if (at + length > message.length) throw new RangeError("cut off");
      yield [Math.floor(tag / 8), message.subarray(at, at + length)];
      at += length;
    } else throw new RangeError("not protobuf");
  }
}

function all(message: Uint8Array, field: number): Uint8Array[] {
  const found: Uint8Array[] = [];
  for (const [number, value] of fields(message))
    if (number === field && value instanceof Uint8Array) found.push(value);
  return found;
}

function only(message: Uint8Array, field: number): Uint8Array {
  const found = all(message, field)[0];
  if (!found) throw new RangeError("absent");
  return found;
}

function name(message: Uint8Array, field: number): string {
  return Buffer.from(all(message, field)[0] ?? []).toString();
}

function integer(message: Uint8Array, field: number): number | undefined {
  for (const [number, value] of fields(message))
    if (number === field && typeof value === "number") return value;
  return undefined;
}

async function bytes(file: string, from: number, length: number): Promise<Buffer> {
  await using handle = await open(file);
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, from);
  return buffer.subarray(0, bytesRead);
}
