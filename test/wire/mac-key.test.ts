import { createHmac, randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { MacKey } from "../../src/wire/mac-key.ts";

test.each([0, 1, 20, 32, 64])("with a key of %i bytes it signs as node does", (size) => {
  const key = randomBytes(size);
  const mac = new MacKey(key);
  // around the scratch memory's end, and of characters that are more bytes than one
  for (const text of ["", "a", "é€😀", "x".repeat(959), "x".repeat(960), "x".repeat(961), "é".repeat(5000)])
    expect(mac.sign(text)).toBe(createHmac("sha256", key).update(text).digest("hex"));
});

test("a key that would have to be hashed is refused", () => {
  expect(() => new MacKey(Buffer.alloc(65))).toThrow("too long");
});
