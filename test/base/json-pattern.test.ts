import { expect, test } from "vitest";
import { matchesPattern, parseJsonPattern } from "../../src/base/json-pattern.ts";

const matches = (pattern: object, values: unknown) =>
  matchesPattern(parseJsonPattern(JSON.stringify(pattern), true), values);

test.each([
  [{ a: ["x", "y"] }, { a: "y" }, true],
  [{ a: ["x"] }, { a: "z" }, false],
  [{ a: ["x"] }, {}, false],
  [{ a: ["x"] }, { a: ["w", "x"] }, true],
  [{ a: [1] }, { a: 1 }, true],
  [{ a: [1] }, { a: "1" }, false],
  [{ a: [true, null] }, { a: null }, true],
  [{ a: ["x"], b: ["y"] }, { a: "x" }, false],
  [{ a: ["x"], b: ["y"] }, { a: "x", b: "y" }, true],
  [{ a: [{ prefix: "tide" }] }, { a: "tideway" }, true],
  [{ a: [{ prefix: "tide" }] }, { a: "a tide" }, false],
  [{ a: [{ suffix: "way" }] }, { a: "tideway" }, true],
  [{ a: [{ "equals-ignore-case": "TIDE" }] }, { a: "tide" }, true],
  [{ a: [{ "anything-but": ["x", 1] }] }, { a: "y" }, true],
  [{ a: [{ "anything-but": ["x", 1] }] }, { a: 1 }, false],
  [{ a: [{ "anything-but": "x" }] }, {}, false],
  [{ a: [{ "anything-but": { prefix: "no" } }] }, { a: "november" }, false],
  [{ a: [{ numeric: [">=", 2, "<", 3] }] }, { a: 2.5 }, true],
  [{ a: [{ numeric: [">=", 2, "<", 3] }] }, { a: 3 }, false],
  [{ a: [{ numeric: ["=", 3] }] }, { a: "3" }, false],
  [{ a: [{ exists: true }] }, { a: {} }, true],
  [{ a: [{ exists: true }] }, {}, false],
  [{ a: [{ exists: false }] }, {}, true],
  [{ a: [{ exists: false }] }, { a: "x" }, false],
  [{ a: ["x", { exists: false }] }, { a: "x" }, true],
  [{ a: { b: [{ prefix: "x" }] } }, { a: { b: "xy" } }, true],
  [{ a: { b: ["x"] } }, { a: [{ b: "y" }, { b: "x" }] }, true],
  [{ a: { b: ["x"] } }, { a: "x" }, false],
  [{ a: { b: [{ exists: false }] } }, {}, true],
  [{ a: [{ prefix: { "equals-ignore-case": "TIDE" } }] }, { a: "tideway" }, true],
  [{ a: [{ wildcard: "s3://*/in/*.csv" }] }, { a: "s3://b/in/x/y.csv" }, true],
  [{ a: [{ wildcard: "s3://*/in/*.csv" }] }, { a: "s3://b/out/x.csv" }, false],
  [{ a: [{ wildcard: "ab*ba" }] }, { a: "aba" }, false],
  [{ a: [{ wildcard: "\\*x" }] }, { a: "*x" }, true],
  [{ a: [{ wildcard: "\\*x" }] }, { a: "ax" }, false],
  [{ a: [{ wildcard: "*" }] }, { a: 1 }, false],
  [{ a: [{ "anything-but": { wildcard: "*/x" } }] }, { a: "1/x" }, false],
  [{ a: [{ "anything-but": { "equals-ignore-case": ["X", "Y"] } }] }, { a: "y" }, false],
  [{ $or: [{ a: ["x"] }, { b: ["y"] }] }, { b: "y" }, true],
  [{ $or: [{ a: ["x"] }, { b: ["y"] }] }, { a: "y", b: "x" }, false],
  [{ c: ["z"], $or: [{ a: ["x"] }, { b: ["y"] }] }, { a: "x" }, false],
  [{ a: { $or: [{ b: [1] }, { c: [2] }] } }, { a: { c: 2 } }, true],
  [{ constructor: [{ exists: true }] }, {}, false],
  [{ a: ["x"] }, "no object", false],
])("%j on %j: %s", (pattern, values, wanted) => {
  expect(matches(pattern, values)).toBe(wanted);
});

test.each([
  ["not JSON", "{", "parse"],
  ["no object", "[]", "object"],
  ["no array", '{"a":"x"}', "array"],
  ["nothing to match", '{"a":[]}', "condition"],
  ["an operator that is none", '{"a":[{"like":"x"}]}', "like"],
  ["an operator that is not built", '{"a":[{"cidr":"10.0.0.0/8"}]}', "cidr"],
  ["a bad comparison", '{"a":[{"numeric":["!",1]}]}', "numeric"],
  ["an inherited name as a comparison", '{"a":[{"numeric":["constructor",1]}]}', "numeric"],
  ["one alternative", '{"$or":[{"a":["x"]}]}', "match type a"],
  ["a wildcard of two stars", '{"a":[{"wildcard":"x**y"}]}', "Consecutive"],
  ["a wildcard with a wrong escape", '{"a":[{"wildcard":"\\\\n"}]}', "escape"],
  ["keys within keys of attributes", '{"a":{"b":["x"]}}', "array"],
])("%s is refused", (_, text, word) => {
  expect(() => parseJsonPattern(text, false)).toThrow(word);
});
