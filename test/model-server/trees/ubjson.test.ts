import { describe, expect, test } from "vitest";

import { parseUbjson } from "../../../src/model-server/trees/ubjson.ts";

/** Markers and bytes: a string stands for its characters. */
function bytes(...parts: (string | number)[]): Uint8Array {
  return Uint8Array.from(
    parts.flatMap((part) => (typeof part === "number" ? [part] : [...Buffer.from(part, "latin1")])),
  );
}

const plain = (value: unknown) => JSON.parse(JSON.stringify(value));

describe("values", () => {
  test.each<[string, Uint8Array, unknown]>([
    ["an object", bytes("{i", 1, "aT", "i", 1, "bF", "}"), { a: true, b: false }],
    ["an object with a count", bytes("{#i", 1, "i", 1, "aZ"), { a: null }],
    ["an object with a type", bytes("{$U#i", 1, "i", 1, "a", 7), { a: 7 }],
    ["an array", bytes("[i", 255, "U", 255, "]"), [-1, 255]],
    ["an array with a count", bytes("[#i", 2, "SU", 2, "hiC!"), ["hi", "!"]],
    [
      "integers of 16, 32 and 64 bits",
      bytes("[I", 255, 254, "l", 0, 1, 0, 0, "L", 255, 255, 255, 255, 255, 255, 255, 253, "]"),
      [-2, 65_536, -3],
    ],
    ["floats", bytes("[d", 0x3f, 0, 0, 0, "D", 0x3f, 0xe0, 0, 0, 0, 0, 0, 0, "]"), [0.5, 0.5]],
    ["a name that prototypes have", bytes("{i", 9, "__proto__i", 1, "}"), JSON.parse('{"__proto__":1}')],
  ])("%s", (_, document, value) => {
    expect(plain(parseUbjson(document))).toEqual(value);
  });

  test("typed arrays", () => {
    expect(parseUbjson(bytes("[$d#i", 1, 0x3f, 0, 0, 0))).toEqual(Float32Array.of(0.5));
    expect(parseUbjson(bytes("[$l#i", 1, 255, 255, 255, 255))).toEqual(Float64Array.of(-1));
    expect(parseUbjson(bytes("[$U#i", 2, 1, 0))).toEqual(Uint8Array.of(1, 0));
  });
});

describe("what is refused", () => {
  test.each<[string, Uint8Array, RegExp]>([
    ["nothing", bytes(), /cut off/],
    ["an array without end", bytes("[i", 1), /cut off/],
    ["a count beyond the file", bytes("[$d#l", 0x7f, 255, 255, 255, 0), /cut off/],
    ["a count beyond the file, of values", bytes("[#L", 0x7f, 255, 255, 255, 255, 255, 255, 255), /cut off/],
    ["a negative count", bytes("[#i", 255), /cut off/],
    ["values that take no bytes", bytes("[$T#i", 3, "   "), /type 'T'/],
    ["a type without a count", bytes("[$d", 0), /without a count/],
    ["a length that is a string", bytes("{S"), /length of the type 'S'/],
    ["an unknown type", bytes("[x]"), /unknown type 'x'/],
    ["a hundred levels", bytes("[".repeat(100)), /deeper than 64/],
    ["something behind the end", bytes("T", 0), /1 bytes before/],
  ])("%s", (_, document, sentence) => {
    expect(() => parseUbjson(document)).toThrow(
      expect.objectContaining({ name: "InvalidModel", message: expect.stringMatching(sentence) }),
    );
  });
});
