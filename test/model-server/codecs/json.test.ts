import { expect, test } from "vitest";

import type { Signature } from "../../../src/model-server/codecs/fit.ts";
import { decodeJson, parseJson } from "../../../src/model-server/codecs/json.ts";
import { decodeJsonLines } from "../../../src/model-server/codecs/jsonlines.ts";
import { InvalidInput, type Tensor } from "../../../src/model-server/model.ts";

const one: Signature = { format: "onnx", inputs: [{ name: "x", type: "float32", shape: [-1, 2] }] };
const column: Signature = { format: "onnx", inputs: [{ name: "x", type: "float32", shape: [-1, 1] }] };
const two: Signature = {
  format: "onnx",
  inputs: [
    { name: "a", type: "int64", shape: [-1, 2] },
    { name: "b", type: "bool", shape: [-1, 1] },
  ],
};
const plain = (tensors: ReadonlyMap<string, Tensor>) =>
  Object.fromEntries(
    [...tensors.values()].map(({ name, shape, data }) => [
      name,
      { shape, data: Array.from(data as ArrayLike<unknown>) },
    ]),
  );
const decode = (document: unknown, model = one) => plain(decodeJson(document, model));

const rows = { x: { shape: [2, 2], data: [1, 2, 3, 4] } };

test.each([
  [
    "instances",
    {
      instances: [
        [1, 2],
        [3, 4],
      ],
    },
  ],
  [
    "instances of features, as AWS's algorithms take",
    { instances: [{ features: [1, 2] }, { features: [3, 4] }] },
  ],
  ["instances of named inputs", { instances: [{ x: [1, 2] }, { x: [3, 4] }] }],
  [
    "inputs",
    {
      inputs: [
        [1, 2],
        [3, 4],
      ],
    },
  ],
  [
    "named inputs",
    {
      inputs: {
        x: [
          [1, 2],
          [3, 4],
        ],
      },
    },
  ],
  [
    "a bare array",
    [
      [1, 2],
      [3, 4],
    ],
  ],
  [
    "a bare object of inputs",
    {
      x: [
        [1, 2],
        [3, 4],
      ],
    },
  ],
  ["Open Inference", { inputs: [{ name: "x", shape: [2, 2], datatype: "FP32", data: [1, 2, 3, 4] }] }],
  [
    "Open Inference, nested",
    {
      inputs: [
        {
          name: "x",
          shape: [2, 2],
          datatype: "FP32",
          data: [
            [1, 2],
            [3, 4],
          ],
        },
      ],
    },
  ],
])("reads %s", (_, document) => {
  expect(decode(document)).toEqual(rows);
});

test("a row without its batch dimension, and a value per row", () => {
  expect(decode([1, 2])).toEqual({ x: { shape: [1, 2], data: [1, 2] } });
  expect(decode({ instances: [1, 2, 3] }, column)).toEqual({ x: { shape: [3, 1], data: [1, 2, 3] } });
  expect(decode([5], column)).toEqual({ x: { shape: [1, 1], data: [5] } });
});

test("null is a missing number", () => {
  expect(decode([[null, 2]]).x!.data).toEqual([Number.NaN, 2]);
});

test("several inputs go by name, in columns or in rows", () => {
  const wanted = { a: { shape: [2, 2], data: [1n, 2n, 3n, 4n] }, b: { shape: [2, 1], data: [1, 0] } };
  expect(
    decode(
      {
        inputs: {
          a: [
            [1, 2],
            [3, 4],
          ],
          b: [[true], [false]],
        },
      },
      two,
    ),
  ).toEqual(wanted);
  expect(
    decode(
      {
        instances: [
          { a: [1, 2], b: true },
          { a: [3, 4], b: false },
        ],
      },
      two,
    ),
  ).toEqual(wanted);
});

test.each<[string, unknown, Signature, RegExp]>([
  ["a number", 5, one, /must be an array of rows, or an object with "instances" or "inputs"/],
  ["null", null, one, /must be an array of rows/],
  ["no rows", { instances: [] }, one, /holds no rows/],
  ["neither member", { rows: [] }, one, /neither "instances" nor "inputs" as an array; its members are rows/],
  ["ragged rows", [[1, 2], [3]], one, /'x' is ragged: an array of 2 is followed by one of 1/],
  ["a value among rows", [[1, 2], 3], one, /ragged: an array of 2 is followed by a value/],
  ["an array for a value", [[1, [2]]], one, /mixes values with arrays/],
  ["text for a number", [["a", 1]], one, /'x' takes float32 values, and "a" is none/],
  ["too many columns", [[1, 2, 3]], one, /has the shape \[1, 3\], but the model takes \[-1, 2\]/],
  ["an unknown input", { inputs: { z: [[1]] } }, one, /no input 'z'. Its inputs are x/],
  [
    "a bare array for two inputs",
    [[1]],
    two,
    /several inputs: name them, \{"inputs": \{"a": \[...\], "b": \[...\]\}\}/,
  ],
  [
    "a fraction for a whole number",
    { inputs: { a: [[1.5, 2]] } },
    two,
    /takes int64 values, and 1.5 is none/,
  ],
  [
    "an input missing in a row",
    { instances: [{ a: [1, 2], b: true }, { a: [3, 4] }] },
    two,
    /Only 1 of 2 rows have 'b'/,
  ],
  ["an array among objects", { instances: [{ x: [1, 2] }, [1, 2]] }, one, /Row 2 is not an object/],
  [
    "a datatype that is no text",
    { inputs: [{ name: "x", shape: [1, 2], datatype: { toString: 1 }, data: [1, 2] }] },
    one,
    /^Input 'x' has the datatype \{"toString":1\}, but the model takes FP32\.$/,
  ],
  [
    "another datatype",
    { inputs: [{ name: "x", shape: [1, 2], datatype: "INT8", data: [1, 2] }] },
    one,
    /the model takes FP32/,
  ],
  [
    "too few data",
    { inputs: [{ name: "x", shape: [9, 2], datatype: "FP32", data: [1, 2] }] },
    one,
    /has 2 values in "data"/,
  ],
  [
    "a shape of text",
    { inputs: [{ name: "x", shape: "2", datatype: "FP32", data: [1, 2] }] },
    one,
    /must have a "shape" of whole numbers/,
  ],
])("refuses %s", (_, document, model, sentence) => {
  expect(() => decodeJson(document, model)).toThrow(InvalidInput);
  expect(() => decodeJson(document, model)).toThrow(sentence);
});

test("deep nesting is refused, not followed", () => {
  const deep = parseJson("[".repeat(50_000) + "]".repeat(50_000), "The body");
  expect(() => decodeJson(deep, one)).toThrow(/nested more than 16/);
  const behind = parseJson(`[1,${"[".repeat(50_000)}${"]".repeat(50_000)}]`, "The body");
  expect(() => decodeJson(behind, one)).toThrow(/mixes values/);
});

test("says what is wrong with text that is no JSON", () => {
  expect(() => parseJson("[1,", "The body")).toThrow(/^The body is not valid JSON: /);
  expect(() => parseJson("[NaN]", "The body")).toThrow(/write null for a missing value/);
});

test("reads JSON lines as rows and names the line that is none", () => {
  expect(
    plain(decodeJsonLines('[1, 2]\n{"features": [3, 4]}\n'.replace('{"features": [3, 4]}', "[3, 4]"), one)),
  ).toEqual(rows);
  expect(plain(decodeJsonLines('{"features": [1, 2]}\r\n{"features": [3, 4]}\r\n', one))).toEqual(rows);
  expect(() => decodeJsonLines("[1, 2]\n[3,", one)).toThrow(/^Line 2 is not valid JSON/);
  expect(() => decodeJsonLines("\n \n", one)).toThrow(/send at least one line/);
});
