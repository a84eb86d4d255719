import { readFileSync } from "node:fs";

import { assert, nat, property } from "fast-check";
import { describe, expect, test } from "vitest";

import { decodeNpy, encodeNpy, parseNpy } from "../../../src/model-server/codecs/npy.ts";
import { InvalidInput } from "../../../src/model-server/model.ts";

type Vector = { npy: string; shape?: number[]; values?: number[] };
const vectors = JSON.parse(readFileSync(new URL("../vectors/npy.json", import.meta.url), "utf8")) as Record<
  string,
  Vector
>;
const bytes = (name: string) => Buffer.from(vectors[name]!.npy, "base64");

describe("reads what NumPy wrote:", () => {
  test.each(Object.entries(vectors).filter(([, { values }]) => values))("%s", (_, { npy, shape, values }) => {
    const array = parseNpy(Buffer.from(npy, "base64"));
    expect(array.shape).toEqual(shape);
    expect(Array.from(array.data as ArrayLike<number | bigint>, Number)).toEqual(values);
  });
});

test("values are read where they are if they are aligned there, and else from a copy", () => {
  const npy = encodeNpy({ name: "x", type: "float32", shape: [3], data: Float32Array.of(1, 2, 3) });
  for (const before of [0, 1, 2, 4, 64]) {
    const body = Buffer.from(new ArrayBuffer(before + npy.length), before);
    npy.copy(body);
    const data = parseNpy(body).data;
    expect(data).toEqual(Float32Array.of(1, 2, 3));
    expect(data.buffer === body.buffer).toBe(before % 4 === 0);
  }
});

test("writes what NumPy wrote, byte for byte", () => {
  for (const name of ["f4", "i8", "i4", "u1", "b1", "one-dimension"]) {
    const { type, shape, data } = parseNpy(bytes(name));
    expect(encodeNpy({ name: "y", type, shape, data }).equals(bytes(name))).toBe(true);
  }
  expect(() => encodeNpy({ name: "y", type: "string", shape: [1], data: ["a"] })).toThrow(
    /accept application\/json/,
  );
});

const model = (type: "float32" | "int8", shape: number[]) => ({
  format: "onnx" as const,
  inputs: [{ name: "x", type, shape }],
});

test("converts to the model's type, and refuses what does not fit it", () => {
  expect(decodeNpy(bytes("f8-fortran"), model("float32", [-1, 3])).get("x")!.data).toEqual(
    new Float32Array([0, 0.25, 0.5, 0.75, 1, 1.25]),
  );
  expect(decodeNpy(bytes("i8"), model("float32", [-1, 3])).get("x")!.data).toEqual(
    new Float32Array([0, 1, 2, 3, 4, 5]),
  );
  expect(() => decodeNpy(bytes("f4"), model("int8", [-1, 3]))).toThrow(/takes int8 values, and 0.25 is none/);
  expect(() => decodeNpy(bytes("f4"), model("float32", [-1, 4]))).toThrow(/has the shape \[2, 3\]/);
});

function header(text: string, { version = 1, length = text.length, body = 0 } = {}): Buffer {
  const start = Buffer.alloc(version === 1 ? 10 : 12);
  start.write("\x93NUMPY", "latin1");
  start[6] = version;
  if (version === 1) start.writeUInt16LE(length, 8);
  else start.writeUInt32LE(length, 8);
  return Buffer.concat([start, Buffer.from(text), Buffer.alloc(body)]);
}

test.each<[string, Buffer, RegExp]>([
  ["objects, which are pickles", bytes("objects"), /Python objects, which would have to be unpickled/],
  ["strings", bytes("strings"), /its dtype <U1 is not one of/],
  ["an empty body", Buffer.alloc(0), /does not start with NumPy's magic bytes/],
  ["a truncated array", bytes("f4").subarray(0, -1), /needs 24 bytes, but 23 follow/],
  ["an unknown version", header("{}", { version: 9 }), /version 9 is not known/],
  [
    "a header longer than the body",
    header("{}", { version: 2, length: 4_000_000_000 }),
    /header claims 4000000000 bytes/,
  ],
  [
    "a shape beyond all memory",
    header("{'descr': '<f4', 'fortran_order': False, 'shape': (9999999999, 9999999999), }"),
    /needs 399999999920000000000 bytes, but 0 follow/,
  ],
  [
    "no shape",
    header("{'descr': '<f4', 'fortran_order': False, }"),
    /does not name descr, fortran_order and shape/,
  ],
  ["a negative shape", header("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }"), /does not name/],
  [
    "a structured type",
    header("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", { body: 4 }),
    /plain array/,
  ],
])("refuses %s", (_, body, sentence) => {
  expect(() => parseNpy(body)).toThrow(InvalidInput);
  expect(() => parseNpy(body)).toThrow(sentence);
});

test("any change of a byte is an array or a clear error", () => {
  const whole = bytes("f8-fortran");
  assert(
    property(nat(whole.length - 1), nat(255), (at, byte) => {
      const changed = Buffer.from(whole);
      changed[at] = byte;
      let values = 6;
      try {
        values = parseNpy(changed).data.length;
      } catch (error) {
        if (!(error instanceof InvalidInput)) throw error;
      }
      // The header may come to name narrower values, or more axes; the bytes stay 48.
      expect(48 % values).toBe(0);
    }),
  );
});
