import { readFileSync } from "node:fs";

import { expect, test } from "vitest";

import { ByteWriter } from "../../../src/base/byte-writer.ts";
import { float32Text, float64Text } from "../../../src/model-server/codecs/number-text.ts";
import { writeFloat32 } from "../../../src/model-server/codecs/write-float32.ts";

const texts = JSON.parse(
  readFileSync(new URL("../vectors/number-texts.json", import.meta.url), "utf8"),
  (_, value) => value,
) as {
  float32: [number, string][];
  float64: [number, string][];
};

test("prints a float32 with the digits that NumPy finds shortest", () => {
  expect(texts.float32.length).toBeGreaterThan(400);
  for (const [value, text] of texts.float32)
    expect(Number(float32Text(Math.fround(value)))).toBe(Number(text));
});

test("lays a float32 out as Python lays out a float", () => {
  const values = [0.1, 1, -0, 1e-5, 1e-4, 0.00012, 123456789, 16777217, 1e16, 2 / 3];
  expect(values.map((value) => float32Text(Math.fround(value)))).toEqual([
    "0.1",
    "1.0",
    "-0.0",
    "1e-05",
    "1e-04",
    "0.00012",
    "123456790.0",
    "16777216.0",
    "1e+16",
    "0.6666667",
  ]);
});

test("writes the same bytes into a batch", () => {
  const values = [
    0.1,
    1,
    -1,
    0,
    -0,
    10,
    99999.99,
    100000,
    0.00012,
    9.9e-5,
    -0.25,
    1234.5,
    2 / 3,
    1e16,
    Number.NaN,
  ];
  const all = [...values, ...texts.float32.map(([value]) => value)].map(Math.fround);
  for (const value of all) {
    const out = new ByteWriter(0);
    writeFloat32(out, value);
    expect(out.written.toString()).toBe(float32Text(value));
  }
});

test("prints float64 as Python does", () => {
  for (const [value, text] of texts.float64) expect(float64Text(value)).toBe(text);
});

test("prints what is not finite in Python's words", () => {
  expect([Number.NaN, Infinity, -Infinity].map(float32Text)).toEqual(["nan", "inf", "-inf"]);
});
