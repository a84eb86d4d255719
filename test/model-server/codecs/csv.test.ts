import { expect, test } from "vitest";

import { decodeCsv } from "../../../src/model-server/codecs/csv.ts";
import type { Signature } from "../../../src/model-server/codecs/fit.ts";
import type { TensorInfo } from "../../../src/model-server/model.ts";

const model = (...inputs: TensorInfo[]): Signature => ({ format: "onnx", inputs });
const decode = (text: string, signature: Signature, parameters: Record<string, string> = {}) =>
  [...decodeCsv(Buffer.from(text), new Map(Object.entries(parameters)), signature).values()].map(
    ({ name, shape, data }) => ({
      name,
      shape,
      data: Array.from(data as ArrayLike<unknown>),
    }),
  );

const two = model({ name: "x", type: "float32", shape: [-1, 2] });

test("reads rows, and skips a header only when it is announced", () => {
  expect(decode("1,2\n3,4\n", two)).toEqual([{ name: "x", shape: [2, 2], data: [1, 2, 3, 4] }]);
  expect(decode("a,b\n1,2\n", two, { header: "present" })).toEqual([
    { name: "x", shape: [1, 2], data: [1, 2] },
  ]);
  expect(() => decode("a,b\n1,2\n", two)).toThrow(/header=present/);
  expect(() => decode("a,b\n1,x\n", two, { header: "present" })).toThrow(/^Line 2, column 2/);
  expect(() => decode("a,b", two, { header: "present" })).toThrow(/empty/);
});

test("leaves out a byte order mark", () => {
  expect(decode("\uFEFF1,2", two)[0]!.data).toEqual([1, 2]);
});

test("names both shapes when the columns do not fit", () => {
  expect(() => decode("1,2,3", two)).toThrow(
    "Input 'x' has the shape [1, 3], but the model takes [-1, 2] (-1 is any size).",
  );
});

test("rows of a flat image take the image's shape", () => {
  const image = model({ name: "x", type: "float32", shape: [-1, 2, 2] });
  expect(decode("1,2,3,4\n5,6,7,8", image)).toEqual([
    { name: "x", shape: [2, 2, 2], data: [1, 2, 3, 4, 5, 6, 7, 8] },
  ]);
});

test("several inputs share the columns in their order, each in its own type", () => {
  const mixed = model(
    { name: "size", type: "float32", shape: [-1, 1] },
    { name: "kind", type: "string", shape: [-1, 1] },
    { name: "ids", type: "int64", shape: [-1, 2] },
    { name: "on", type: "bool", shape: [-1, 1] },
  );
  expect(decode('0.5,"a,""b""",1,9007199254740993,true\r\nnan,c,-3,4,0\r\n', mixed)).toEqual([
    { name: "size", shape: [2, 1], data: [0.5, Number.NaN] },
    { name: "kind", shape: [2, 1], data: ['a,"b"', "c"] },
    { name: "ids", shape: [2, 2], data: [1n, 9007199254740993n, -3n, 4n] },
    { name: "on", shape: [2, 1], data: [1, 0] },
  ]);
  expect(() => decode("1,a,2,3", mixed)).toThrow(
    "The rows have 4 columns, but the model's inputs take 5: size 1, kind 1, ids 2, on 1.",
  );
  expect(() => decode("1,a,2,3,1\n1,a", mixed)).toThrow(/^Line 2 has 2 values/);
  expect(() => decode("1,a,x,3,1", mixed)).toThrow('Line 1, column 3 is not a int64: "x".');
  expect(() => decode("1,a,1.5,3,1", mixed)).toThrow(/takes int64 values, and 1.5 is none/);
  expect(() => decode("1,a,9223372036854775808,3,1", mixed)).toThrow(/takes int64 values/);
});
