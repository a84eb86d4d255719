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
    if (value.shape.length === 2) compare(input, value);
    const bytes = encodeNpy({ name: "x", ...value });
    const again = parseNpy(bytes);
    same("type", again.type, value.type);
    same("shape", again.shape.join(), value.shape.join());
    same("values", bytesOf(again.data).equals(bytesOf(value.data)), true);
  },
};

/** Each value of a table where NumPy would look for it. */
function compare(input: Buffer, { type, shape, data }: ReturnType<typeof parseNpy>): void {
  const header = input.toString("latin1", 0, input.length - data.byteLength);
  const little = /'descr'\s*:\s*'([<>|=])/.exec(header)?.[1] !== ">";
  const fortran = /'fortran_order'\s*:\s*True/.test(header);
  const bytes = Uint8Array.from(input.subarray(input.length - data.byteLength));
  const view = new DataView(bytes.buffer);
  const size = data.BYTES_PER_ELEMENT;
  const [rows, columns] = shape as [number, number];
  Array.from(data as ArrayLike<number | bigint>).forEach((value, index) => {
    const [row, column] = [Math.floor(index / columns), index % columns];
    const at = size * (fortran ? column * rows + row : index);
    const read =
      size === 1
        ? type === "int8"
          ? view.getInt8(at)
          : view.getUint8(at)
        : type === "float32"
          ? view.getFloat32(at, little)
          : type === "float64"
            ? view.getFloat64(at, little)
            : undefined;
    if (read !== undefined) same(`value ${index}`, value, read);
  });
}

const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView) =>
  Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength);
