import { describe, expect, test } from "vitest";

import { fitShape, fitTensor, type Value, width } from "../../../src/model-server/codecs/fit.ts";
import { InvalidInput, type TensorType } from "../../../src/model-server/model.ts";

const info = (shape: number[], type: TensorType = "float32") => ({ name: "x", type, shape });

describe("the shape", () => {
  test.each([
    ["as it is", [-1, 3], [2, 3], [2, 3]],
    ["as it is, where the model says nothing", [], [2, 3, 4], [2, 3, 4]],
    ["of one row without its batch dimension", [-1, 3], [3], [1, 3]],
    ["of a value per row", [-1, 1], [5], [5, 1]],
    ["of a column for a list", [-1], [5, 1], [5]],
    ["of flat images", [-1, 3, 2, 2], [2, 12], [2, 3, 2, 2]],
    ["of one flat image", [-1, 3, 2, 2], [12], [1, 3, 2, 2]],
    ["of one row for a fixed batch of one", [1, 3], [3], [1, 3]],
    ["of free width", [-1, -1], [4], [1, 4]],
  ])("%s", (_, declared, given, fitted) => {
    expect(fitShape(info(declared), given)).toEqual(fitted);
  });

  test.each([
    ["another width", [-1, 3], [2, 4]],
    ["two rows for a batch of one", [1, 3], [2, 3]],
    ["a rank too many", [-1, 3], [1, 2, 3]],
    ["a scalar for a table", [-1, 3], []],
    ["flat images of another size", [-1, 3, 2, 2], [2, 11]],
  ])("is refused: %s", (_, declared, given) => {
    expect(() => fitShape(info(declared), given)).toThrow(InvalidInput);
    expect(() => fitShape(info(declared), given)).toThrow(
      `has the shape [${given.join(", ")}], but the model takes [${declared.join(", ")}]`,
    );
  });
});

test("a row's width is what follows the batch dimension", () => {
  expect([[-1, 3, 2], [-1], [-1, -1], []].map((shape) => width(info(shape)))).toEqual([
    6,
    1,
    undefined,
    undefined,
  ]);
});

describe("the values", () => {
  test.each<[TensorType, Value[], unknown]>([
    ["float32", [1, true, null, 2n], Float32Array.of(1, 1, Number.NaN, 2)],
    ["float64", [0.1], Float64Array.of(0.1)],
    ["int8", [-128, 127], Int8Array.of(-128, 127)],
    ["uint8", [0, 255], Uint8Array.of(0, 255)],
    ["uint32", [4_294_967_295], Uint32Array.of(4_294_967_295)],
    ["int64", [1, -(2n ** 63n)], BigInt64Array.of(1n, -(2n ** 63n))],
    ["uint64", [2n ** 64n - 1n], BigUint64Array.of(2n ** 64n - 1n)],
    ["bool", [true, false, 1, 0], Uint8Array.of(1, 0, 1, 0)],
    ["string", ["a", ""], ["a", ""]],
  ])("of %s", (type, values, data) => {
    expect(fitTensor(info([-1], type), [values.length], values).data).toEqual(data);
  });

  test.each<[TensorType, Value, string]>([
    ["float32", "a", '"a"'],
    ["int8", 128, "128"],
    ["uint8", -1, "-1"],
    ["int32", 1.5, "1.5"],
    ["int32", null, "null"],
    ["int32", Number.NaN, "NaN"],
    ["int64", 2 ** 60, "1152921504606847000"],
    ["int64", 2n ** 63n, "9223372036854775808"],
    ["uint64", -1n, "-1"],
    ["int64", "5", '"5"'],
    ["bool", 2, "2"],
    ["string", 5, "5"],
  ])("%s can not hold %s", (type, value, shown) => {
    expect(() => fitTensor(info([-1], type), [1], [value])).toThrow(
      `Input 'x' takes ${type} values, and ${shown} is none.`,
    );
  });
});
