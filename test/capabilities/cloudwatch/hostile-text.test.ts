import fc from "fast-check";
import { expect, test } from "vitest";
import { parseRule } from "../../../src/capabilities/cloudwatch/alarm-rule.ts";
import { evaluate, type Scope } from "../../../src/telemetry/math/evaluate.ts";
import { parseExpression } from "../../../src/telemetry/math/parse.ts";
import { searchMatcher } from "../../../src/telemetry/math/search.ts";

/** Text that is nearly an expression, a search or a rule. */
const words = fc
  .array(
    fc.constantFrom(
      ..."m1 none SUM AVG IF FILL METRICS RATE SEARCH PERIOD REPEAT AND OR NOT ALARM OK TRUE ( ) [ ] { } , + - * / ^ < >= == 1 0 1e9 ' \" x= \u00fc \\".split(
        " ",
      ),
    ),
    { maxLength: 40 },
  )
  .map((parts) => parts.join(" "));

const series = { label: "m", periodMs: 60_000, times: [0, 60_000], values: [1, 0] };
const scope: Scope = {
  value: (id) => (id === "m1" ? series : id === "none" ? { ...series, times: [], values: [] } : undefined),
  metrics: () => [["m1", series]],
  search: () => [series],
  from: () => 0,
  to: 300_000,
};

test("any text is an expression, or told why not", () => {
  fc.assert(
    fc.property(fc.oneof(words, fc.string()), (text) => {
      try {
        evaluate(parseExpression(text), scope);
      } catch (error) {
        expect((error as Error).name).toBe("ExpressionError");
      }
    }),
    { numRuns: 3000 },
  );
});

test("any text is a search, or told why not", () => {
  const metric = { namespace: "n", name: "m", dimensions: [["d", "v"]] as const };
  fc.assert(
    fc.property(fc.oneof(words, fc.string()), (text) => {
      try {
        searchMatcher(text)(metric);
      } catch (error) {
        expect((error as Error).name).toBe("ExpressionError");
      }
    }),
    { numRuns: 2000 },
  );
});

test("any text is a rule, or told why not", () => {
  fc.assert(
    fc.property(fc.oneof(words, fc.string()), (text) => {
      try {
        parseRule(text, (name) => name);
      } catch (error) {
        expect((error as Error).name).toBe("RuleError");
      }
    }),
    { numRuns: 2000 },
  );
});

test("the longest texts cost no more than their length", () => {
  for (const text of ["ALARM(", "(", "a ", '"', "{,", "[m1,", "m1-", "SUM("]) {
    const long = text.repeat(Math.floor(10_240 / text.length));
    expect(() => parseRule(long, (name) => name)).toThrow();
    expect(() => parseExpression(long)).toThrow();
  }
  expect(() => parseRule(`ALARM(${" ".repeat(10_000)}`, (name) => name)).toThrow("it is not understood");
});
