/** docs/reliability.md names a test for every fault of the first kinds, and each of them is there. */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = new URL("../../", import.meta.url);
const rows = readFileSync(new URL("docs/reliability.md", root), "utf8")
  .split("\n")
  .filter((line) => /^\| F\d+/.test(line))
  .map((line) => line.split("|").map((cell) => cell.trim()));

test("every fault from F01 to F41 has a row", () => {
  const named = new Set<number>();
  for (const [, fault = ""] of rows) {
    const numbers = [...fault.matchAll(/F(\d+)/g)].map(([, number]) => Number(number));
    const [first = 0, last = 0] = numbers;
    if (fault.includes(" to ")) for (let number = first; number <= last; number++) named.add(number);
    for (const number of numbers) named.add(number);
  }
  const expected = Array.from({ length: 41 }, (_, index) => index + 1);
  expect(expected.filter((number) => !named.has(number))).toEqual([]);
});

test("every test that a row names exists", () => {
  const tests = rows.flatMap(([, , , named = ""]) => named.split(", "));
  const missing = tests.filter(
    (name) =>
      name === "" ||
      !["", ".test.ts"].some((end) => existsSync(fileURLToPath(new URL(`test/${name}${end}`, root)))),
  );
  expect(missing).toEqual([]);
});
