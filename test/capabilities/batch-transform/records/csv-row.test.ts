import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CsvRow, takeColumns } from "../../../../src/capabilities/batch-transform/records/csv-row.ts";
import {
  NoMatch,
  parseJsonPath,
  placesOf,
  type Slice,
} from "../../../../src/capabilities/batch-transform/records/json-path.ts";

function row(text: string): CsvRow {
  const bytes = Buffer.from(`before\n${text}\nbehind`);
  const found = new CsvRow(bytes);
  found.set(7, bytes.length - 7);
  return found;
}

function take(items: readonly (number | Slice)[], record: string, answer?: string): string {
  const parts: string[] = [];
  takeColumns(items, row(record), answer === undefined ? undefined : row(answer), (bytes, from, to) =>
    parts.push(bytes.toString("utf8", from, to)),
  );
  return parts.join(",");
}

const items = (path: string) => {
  const [step] = parseJsonPath(path);
  return step!.kind === "items" ? step!.items : [];
};

describe("columns", () => {
  test.each([
    ["$[0]", "a"],
    ["$[1:]", '"b,""\n",,d'],
    ["$[:2]", 'a,"b,""\n"'],
    ["$[-1]", "d"],
    ["$[2]", ""],
    ["$[3,0]", "d,a"],
    ["$[0,2:]", "a,,d"],
    ["$[-2:]", ",d"],
    ["$[0:-1]", 'a,"b,""\n",'],
  ])("%s", (path, taken) => {
    expect(take(items(path), 'a,"b,""\n",,d')).toBe(taken);
  });

  test.each([
    ["$[0,-1]", "a,y"],
    ["$[-3]", "b"],
    ["$[2]", "x"],
    ["$[1:]", "b,x,y"],
    ["$[2:]", "x,y"],
    ["$[3:]", "y"],
    ["$[1:3]", "b,x"],
    ["$[:-1]", "a,b,x"],
    ["$[0,1,2,3]", "a,b,x,y"],
  ])("%s of a record and its answer", (path, taken) => {
    expect(take(items(path), "a,b", "x,y")).toBe(taken);
  });

  test.each([
    ["$[4]", "has 4 columns, and so none with the index 4"],
    ["$[-5]", "has 4 columns, and so none with the index -5"],
    ["$[4:]", "has 4 columns, none of them in the range of the filter"],
    ["$[3:2]", "has 4 columns, none of them in the range of the filter"],
  ])("%s is not there", (path, problem) => {
    expect(() => take(items(path), "a,b", "x,y")).toThrow(new NoMatch(problem));
    expect(() => take(items(path), "a,b,c,d")).toThrow(new NoMatch(problem));
  });

  test("any filter takes what it takes of a plain list", () => {
    const index = fc.integer({ min: -9, max: 9 });
    const slice = fc.record({ start: index, end: fc.option(index, { nil: undefined }) });
    const field = fc.constantFrom("", "1", "ab", '"c,d"', '"e""f"', 'g"h');
    const fields = fc.array(field, { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(
        fc.array(fc.oneof(index, slice), { minLength: 1, maxLength: 4 }),
        fields.filter((one) => one.join() !== ""),
        fc.option(fields, { nil: undefined }),
        (chosen, record, answer) => {
          const all = [...record, ...(answer ?? [])];
          const attempt = (work: () => string) => {
            try {
              return work();
            } catch (error) {
              if (error instanceof NoMatch) return "no match";
              throw error;
            }
          };
          expect(attempt(() => take(chosen, record.join(), answer?.join()))).toBe(
            attempt(() =>
              placesOf(chosen, all.length)
                .map((place) => all[place]!)
                .join(),
            ),
          );
        },
      ),
    );
  });
});
