import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { InvalidPattern } from "../../../../src/capabilities/logs/pattern/expression.ts";
import { parsePattern } from "../../../../src/capabilities/logs/pattern/filter-pattern.ts";

type Case = [pattern: string, message: string, matches: boolean];

// the examples of https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html, and what lies between
const CASES: Case[] = [
  ["", "anything", true],
  ["ERROR", "[ERROR 400] BAD REQUEST", true],
  ["ERROR", "error", false],
  ["ERROR ARGUMENTS", "[ERROR 419] MISSING ARGUMENTS", true],
  ["ERROR ARGUMENTS", "[ERROR 401] UNAUTHORIZED REQUEST", false],
  ["?ERROR ?ARGUMENTS", "[ERROR 401] UNAUTHORIZED REQUEST", true],
  ["?ERROR ?ARGUMENTS", "fine", false],
  ["?ERROR ?ARGUMENTS REQUEST", "BAD REQUEST", true],
  ['"INTERNAL SERVER ERROR"', "[ERROR 500] INTERNAL SERVER ERROR", true],
  ['"INTERNAL SERVER ERROR"', "INTERNAL ERROR", false],
  ["ERROR -ARGUMENTS", "[ERROR 401] UNAUTHORIZED REQUEST", true],
  ["ERROR -ARGUMENTS", "[ERROR 419] MISSING ARGUMENTS", false],
  ['-"not this"', "not this", false],
  ['"a \\"quoted\\" word"', 'a "quoted" word', true],
  ['{ $.eventType = "UpdateTrail" }', '{"eventType":"UpdateTrail"}', true],
  ['{ $.eventType = "UpdateTrail" }', "eventType UpdateTrail", false],
  ["{ $.ip != 123.123.* }", '{"ip":"10.1.1.1"}', true],
  ["{ $.ip != 123.123.* }", '{"ip":"123.123.1.1"}', false],
  ["{ $.ip != 123.123.* }", "{}", false],
  ['{ $.arrayKey[0] = "value" }', '{"arrayKey":["value","another"]}', true],
  ["{ $.objectList[1].id = 2 }", '{"objectList":[{"id":1},{"id":2}]}', true],
  ["{ $.a = 4e2 }", '{"a":400}', true],
  ["{ $.a >= 3 && $.a < 4 }", '{"a":3.5}', true],
  ["{ $.a >= 3 && $.a < 4 }", '{"a":4}', false],
  ["{ $.a < 4 }", '{"a":"x"}', false],
  ["{ $.SomeObject IS NULL }", '{"SomeObject":null}', true],
  ["{ $.SomeObject IS NULL }", "{}", false],
  ["{ $.SomeOtherObject NOT EXISTS }", "{}", true],
  ["{ $.ThisFlag IS TRUE }", '{"ThisFlag":true}', true],
  ['{ ($.user.id = 1 && $.users[0].email = "John*") || $.b = 2 }', '{"b":2}', true],
  [
    '{ ($.user.id = 1) && ($.users[0].email = "John*") }',
    '{"user":{"id":1},"users":[{"email":"John.Doe"}]}',
    true,
  ],
  ["{ $.a.b['c d'] = x* }", '{"a":{"b":{"c d":"xyz"}}}', true],
  ["{ $.constructor = * }", "{}", false],
  ["[ip, user, status = 4*]", "127.0.0.1 me 404", true],
  ["[ip, user, status = 4*]", "127.0.0.1 me 200", false],
  ["[ip, user, status = 4*]", "127.0.0.1 404", false],
  [
    "[ip, ..., request, status = 4* && status != 404, bytes > 100]",
    '10.0.0.1 - me [1 May] "GET / HTTP" 403 200',
    true,
  ],
  [
    "[ip, ..., request, status = 4* && status != 404, bytes > 100]",
    '10.0.0.1 - me [1 May] "GET / HTTP" 404 200',
    false,
  ],
  ['[..., request = "GET *", status]', '1 2 3 "GET /x" 200', true],
  ["[w1=ERROR, w2]", "ERROR x", true],
];

test.each(CASES)("%s of %s: %s", (pattern, message, matches) => {
  expect(parsePattern(pattern)(message)).toBe(matches);
});

describe("what is no pattern is refused", () => {
  test.each([
    "{ $.a = }",
    "{ $.a }",
    "{ a = 1 }",
    "{ $.a = 1",
    "{ $.a = 1 } x",
    "{ $.a > x }",
    "{ $.a[x] = 1 }",
    "{ $.a IS 3 }",
    "[a, b",
    "[..., ..., a]",
    "a-b",
    '"open',
    "%regular.*%",
    "{ $.a = %x% }",
    `{ ${"(".repeat(100)}$.a = 1${")".repeat(100)} }`,
  ])("%s", (pattern) => {
    expect(() => parsePattern(pattern)).toThrow(InvalidPattern);
  });
});

test("any text is a pattern or refused, and any message is told apart without another error", () => {
  const piece = fc.constantFrom(
    "{",
    "}",
    "[",
    "]",
    "(",
    ")",
    "$.a",
    "$",
    "=",
    "!=",
    "<",
    "&&",
    "||",
    "*",
    '"',
    "-x",
    "?y",
    "...",
    ",",
    " ",
    "IS",
    "NULL",
    "1",
    "\\",
    "%",
  );
  const pattern = fc.oneof(
    fc.string({ maxLength: 40 }),
    fc.array(piece, { maxLength: 12 }).map((all) => all.join("")),
  );
  fc.assert(
    fc.property(pattern, fc.oneof(fc.string(), fc.json()), (text, message) => {
      let matcher;
      try {
        matcher = parsePattern(text);
      } catch (error) {
        expect(error).toBeInstanceOf(InvalidPattern);
        return;
      }
      expect(typeof matcher(message)).toBe("boolean");
    }),
    { numRuns: 2000 },
  );
});

test("every text finds itself as a phrase, and a JSON value itself by its key", () => {
  const result = fc.check(
    fc.property(fc.string({ minLength: 1 }), fc.stringMatching(/^[a-z]{1,8}$/), (value, key) => {
      const phrase = `"${value.replace(/[\\"]/g, "\\$&")}"`;
      const asPhrase = /%/.test(value) || parsePattern(phrase)(`x${value}y`);
      const json = JSON.stringify({ [key]: value });
      return asPhrase && (/[%*]/.test(value) || parsePattern(`{ $.${key} = ${phrase} }`)(json));
    }),
  );
  expect(result.counterexample).toBeNull();
});
