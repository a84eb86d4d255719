import {
  array,
  assert,
  constantFrom,
  double,
  float,
  integer,
  oneof,
  property,
  tuple,
  uint8Array,
} from "fast-check";
import { expect, test } from "vitest";

import { parseCsvNumbers } from "../../../src/model-server/codecs/csv-numbers.ts";
import { InvalidInput } from "../../../src/model-server/model.ts";

const parse = (text: string, { double = true, emptyIsMissing = false } = {}) => {
  const { data, rows, columns } = parseCsvNumbers(Buffer.from(text), double, emptyIsMissing);
  return { data: [...data], rows, columns };
};

test.each([
  ["1,2\n3,4", [1, 2, 3, 4], 2],
  ["1,2\r\n3,4\r\n", [1, 2, 3, 4], 2],
  ["1,2\r3,4\r", [1, 2, 3, 4], 2],
  ["7", [7], 1],
  ["-0.5,+1,1e3,.5,5.,-1E-2\n\n", [-0.5, 1, 1000, 0.5, 5, -0.01], 1],
  [' 1 ,"2","-3.5"', [1, 2, -3.5], 1],
  ["nan,NaN,inf,-Infinity", [Number.NaN, Number.NaN, Infinity, -Infinity], 1],
  ["123456789012345678,0.12345678901234567890", [Number("123456789012345678"), 0.12345678901234568], 1],
])("reads %j", (text, data, rows) => {
  expect(parse(text)).toEqual({ data, rows, columns: data.length / rows });
});

test.each([
  ["", /empty: send at least one row/],
  ["\r\n\n", /empty: send at least one row/],
  ["1,2\n3", /^Line 2 has 1 values, but the lines before it have 2\.$/],
  ["1\n2,3", /^Line 2 has 2 values, but the lines before it have 1\.$/],
  ["1,\n2,3", /^Line 1, column 2 is empty: write nan/],
  ["1,2\n\n3,4", /^Line 2, column 1 is empty/],
  ["age,size\n1,2", /^Line 1, column 1 is not a number: "age"\. A header line is left out/],
  ["1,2\n3,x", /^Line 2, column 2 is not a number: "x"\.$/],
  ["0x10", /not a number/],
  ["1_000", /not a number/],
  ["1 2", /not a number/],
  ["--1", /not a number/],
  ['"1', /not a number/],
  ["1.2.3", /not a number/],
  ["-", /not a number/],
  [".", /not a number/],
])("refuses %j", (text, sentence) => {
  expect(() => parse(text)).toThrow(InvalidInput);
  expect(() => parse(text)).toThrow(sentence);
});

test("an empty field is a missing value to trees, at the end of the body too", () => {
  expect(parse("1,,3\n,,", { emptyIsMissing: true })).toEqual({
    data: [1, Number.NaN, 3, Number.NaN, Number.NaN, Number.NaN],
    rows: 2,
    columns: 3,
  });
});

test("is bit for bit what Number gives, in both widths", () => {
  const number = oneof(
    double({ noNaN: true, noDefaultInfinity: true }),
    float({ noNaN: true, noDefaultInfinity: true }),
    integer(),
  );
  const written = tuple(number, constantFrom(3, 7, 15, 17, 0)).map(([value, digits]) =>
    digits ? value.toPrecision(digits) : String(value),
  );
  assert(
    property(array(written, { minLength: 1, maxLength: 20 }), (fields) => {
      expect(parse(fields.join(",")).data).toEqual(fields.map(Number));
      expect(parse(fields.join("\n"), { double: false }).data).toEqual(
        fields.map((field) => Math.fround(Number(field))),
      );
    }),
  );
});

test("never reads past a body of any bytes", () => {
  assert(
    property(uint8Array({ maxLength: 40 }), (bytes) => {
      let data: unknown = [];
      let cells: unknown = 0;
      try {
        const table = parseCsvNumbers(bytes, true, true);
        [data, cells] = [table.data, table.rows * table.columns];
      } catch (error) {
        if (!(error instanceof InvalidInput)) throw error;
      }
      expect(data).toHaveLength(cells as number);
    }),
  );
});

test("a field of a million digits is looked at once", () => {
  const digits = "1".repeat(1_000_000);
  expect(() => parse(`${digits}x`)).toThrow("Line 1, column 1 is not a number");
  expect(parse(digits).data).toEqual([Infinity]);
});
