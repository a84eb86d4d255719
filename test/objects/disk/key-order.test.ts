import * as fc from "fast-check";
import { expect, test } from "vitest";
import { compareKeys, successor } from "../../../src/objects/disk/key-order.ts";

test("keys sort by their UTF-8, which is not how JavaScript sorts", () => {
  const keys = ["😀", "\uFFFD"];
  expect(keys.toSorted(compareKeys)).toEqual(["\uFFFD", "😀"]);
  expect(keys.toSorted()).toEqual(["😀", "\uFFFD"]);
});

test.each([
  ["a", "b"],
  ["a/", "a0"],
  ["\uD7FF", "\uE000"],
  ["a\u{10FFFF}", "b"],
  ["\u{10FFFF}", undefined],
  ["", undefined],
])("behind all keys that begin with %j comes %j", (prefix, next) => {
  expect(successor(prefix)).toBe(next);
});

test("a successor comes behind every key with the prefix, and not behind any other", () => {
  const text = fc.string({ unit: "binary", maxLength: 4 });
  fc.assert(
    fc.property(text, text, text, (prefix, rest, other) => {
      const next = successor(prefix);
      if (next === undefined) return;
      expect(compareKeys(prefix + rest, next)).toBeLessThan(0);
      const inside = compareKeys(other, prefix) >= 0 && compareKeys(other, next) < 0;
      expect(inside).toBe(other.startsWith(prefix));
    }),
  );
});
