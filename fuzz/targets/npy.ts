/** NPY arrays: refused as InvalidInput, or the same after they are written and read again. */
import type { Signature } from "../../src/model-server/codecs/fit.ts";
import { decodeNpy, encodeNpy, parseNpy } from "../../src/model-server/codecs/npy.ts";
import { InvalidInput, type TensorType } from "../../src/model-server/model.ts";
import { attempt, type FuzzTarget, same } from "../target.ts";

const models = (["float32", "int64", "uint8", "string"] as const).map((type): Signature => ({
  format: "onnx",
  inputs: [{ name: "x", type, shape: [-1, 2] }],
}));
const sample = (
  type: Exclude<TensorType, "string">,
  data: Float32Array | Float64Array | BigInt64Array | Uint8Array,
) => encodeNpy({ name: "x", type, shape: [data.length / 2, 2], data });
const fortran = (text: string) => text.replace("False", "True ").replace("<", ">");

export const target: FuzzTarget = {
  seeds: [
    sample("float32", Float32Array.of(1, 2, 3, 4)),
    sample("float64", Float64Array.of(1, Number.NaN)),
    sample("int64", BigInt64Array.of(-1n, 1n << 62n)),
    sample("bool", Uint8Array.of(1, 0)),
    fortran(sample("float64", Float64Array.of(1, 2, 3, 4, 5, 6)).toString("latin1")),
    "\x93NUMPY\x02\0\x40\0\0\0{'descr': '|u1', 'fortran_order': False, 'shape': (2,), }        \n\x01\x02",
  ],
  dictionary: ["'descr': '", "<f4", ">i8", "|O", "'shape': (", "(0, 99999999999)", "True", "\x93NUMPY\x03"],
  maxLength: 512,
  run(input) {
    const { value } = attempt(() => parseNpy(input), InvalidInput);
    for (const model of models) attempt(() => decodeNpy(input, model), InvalidInput);
    if (!value) return;
    const bytes = encodeNpy({ name: "x", ...value });
    const again = parseNpy(bytes);
    same("type", again.type, value.type);
    same("shape", again.shape.join(), value.shape.join());
    same("values", bytesOf(again.data).equals(bytesOf(value.data)), true);
  },
};

const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView) =>
  Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength);
