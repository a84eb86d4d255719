import { expect, test } from "vitest";
import { matchesPolicy, parseFilterPolicy } from "../../../src/capabilities/sns/filter-policy.ts";

const matches = (policy: object, values: unknown, scope = "MessageBody") =>
  matchesPolicy(parseFilterPolicy(JSON.stringify(policy), scope), values);

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
  [{ constructor: [{ exists: true }] }, {}, false],
  [{ a: ["x"] }, "no object", false],
])("%j on %j: %s", (policy, values, wanted) => {
  expect(matches(policy, values)).toBe(wanted);
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
  ["$or", '{"$or":[{"a":["x"]}]}', "$or"],
  ["keys within keys of attributes", '{"a":{"b":["x"]}}', "array"],
])("%s is refused", (_, text, word) => {
  expect(() => parseFilterPolicy(text, "MessageAttributes")).toThrow(word);
});
