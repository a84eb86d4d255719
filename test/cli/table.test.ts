import { expect, test } from "vitest";
import { facts, printable, table } from "../../src/cli/table.ts";

test("columns fit what they hold, colours not counted", () => {
  expect(
    table(
      ["NAME", "STATUS"],
      [
        ["iris", "\u001B[32mInService\u001B[39m"],
        ["churn-model", ""],
      ],
    ),
  ).toEqual(["NAME         STATUS", "iris         \u001B[32mInService\u001B[39m", "churn-model"]);
});

test("facts leave out what is not there", () => {
  expect(
    facts([
      ["Endpoint", "iris"],
      ["Failure", undefined],
      ["ARN", "arn:aws"],
    ]),
  ).toEqual(["Endpoint  iris", "ARN       arn:aws"]);
});

test("what a model wrote can not steer the terminal", () => {
  expect(printable("\u001B]0;title\u0007hello\u001B[2J\r\tworld\u0000")).toBe("hello\tworld");
});
