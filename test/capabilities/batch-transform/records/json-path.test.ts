import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  InvalidJsonPath,
  NoMatch,
  parseJsonPath,
} from "../../../../src/capabilities/batch-transform/records/json-path.ts";
import {
  elementsOf,
  membersOf,
  selectJson,
} from "../../../../src/capabilities/batch-transform/records/json-text.ts";

const RECORD =
  '{"id": 12345678901234567890, "f": [1.0, 2e3, [3]], "o": {"x": "a,\\"]}", "y": null}, "é": true, "a_b-c": {}}';

describe("a path", () => {
  test.each([
    ["$", RECORD],
    ["", RECORD],
    ["$.id", "12345678901234567890"],
    ["$['id']", "12345678901234567890"],
    ["$.f[0]", "1.0"],
    ["$.f[-1]", "[3]"],
    ["$.f[-1][0]", "3"],
    ["$.f[1:]", "[2e3,[3]]"],
    ["$.f[:-1]", "[1.0,2e3]"],
    ["$.f[0:2]", "[1.0,2e3]"],
    ["$.f[ 0, -1 ]", "[1.0,[3]]"],
    ["$.f[0,1:]", "[1.0,2e3,[3]]"],
    ["$.f[*]", "[1.0,2e3,[3]]"],
    ["$.o.*", '["a,\\"]}",null]'],
    ["$.o.y", "null"],
    ["$['o']['x']", '"a,\\"]}"'],
    ["$.['id','é']", '{"id":12345678901234567890,"é":true}'],
    ["$['é', 'id', 'é']", '{"é":true,"id":12345678901234567890}'],
    ["$.é", "true"],
    ["$.a_b-c", "{}"],
  ])("%s", (path, selected) => {
    expect(selectJson(parseJsonPath(path), RECORD)).toBe(selected);
  });

  test.each([
    ["$.none", 'has no "none" where the filter looks for it'],
    ["$.id.none", 'has no "none" where the filter looks for it'],
    ["$['id','none']", 'has no "none" where the filter looks for it'],
    ["$.f[3]", "has 3 elements, and so none with the index 3"],
    ["$.f[-4]", "has 3 elements, and so none with the index -4"],
    ["$.f[5:]", "has 3 elements, none of them in the range of the filter"],
    ["$.f[2:1]", "has 3 elements, none of them in the range of the filter"],
    ["$[0]", "has no array where the filter takes elements by index"],
    ["$.a_b-c.*", "has nothing where the filter takes all"],
    ["$.id.*", "has nothing where the filter takes all"],
  ])("%s selects nothing", (path, problem) => {
    expect(() => selectJson(parseJsonPath(path), RECORD)).toThrow(new NoMatch(problem));
  });

  test.each([
    ["a", 'Unexpected "a" in JsonPath at character 1.'],
    ["$a", 'Unexpected "a" in JsonPath at character 2.'],
    ["$.", "Unexpected end of JsonPath."],
    ["$..a", 'Unexpected "." in JsonPath at character 3.'],
    ["$[", "Unexpected end of JsonPath."],
    ["$[]", 'Unexpected "]" in JsonPath at character 3.'],
    ["$['a'", "Unexpected end of JsonPath."],
    ["$['a',1]", 'Unexpected "1" in JsonPath at character 7.'],
    ["$[1,'a']", `Unexpected "'" in JsonPath at character 5.`],
    ['$["a"]', `Unexpected "\\"" in JsonPath at character 3.`.replace("\\", "")],
    ["$[?(@.a)]", 'Unexpected "?" in JsonPath at character 3.'],
    ["$[1:2:3]", 'Unexpected ":" in JsonPath at character 6.'],
    ["$[1234567890]", 'Unexpected "0" in JsonPath at character 12.'],
    ["$[0,1].a", "Nothing can follow where several elements are taken by name or by index."],
    ["$['a','b']['c']", "Nothing can follow where several elements are taken by name or by index."],
    [`$.${"a".repeat(62)}`, "It has 64 characters, more than 63."],
  ])("%s is none", (path, problem) => {
    expect(() => parseJsonPath(path)).toThrow(new InvalidJsonPath(problem));
  });

  test("of a name that comes twice the last one counts", () => {
    expect(selectJson(parseJsonPath("$.a"), '{"a":1,"a":2}')).toBe("2");
  });

  test("a value as deep as its bytes allow is passed over", () => {
    const deep = "[".repeat(1e6) + "]".repeat(1e6);
    expect(selectJson(parseJsonPath("$.b"), `{"a":${deep},"b":1}`)).toBe("1");
  });
});

describe("JSON as text", () => {
  test("members and elements are what JSON.parse finds", () => {
    fc.assert(
      fc.property(fc.json(), fc.constantFrom(undefined, 1, "\t", "\r\n"), (text, space) => {
        const value: unknown = JSON.parse(text);
        const written = JSON.stringify(value, undefined, space);
        const members = membersOf(written);
        const elements = elementsOf(written);
        const read = (part: string): unknown => JSON.parse(part);
        if (Array.isArray(value)) expect(elements!.map(read)).toEqual(value);
        else if (typeof value === "object" && value !== null)
          expect([...members!].map(([name, part]) => [name, read(part)])).toEqual([
            ...new Map(Object.entries(value)),
          ]);
        else expect([members, elements]).toEqual([undefined, undefined]);
      }),
    );
  });
});
