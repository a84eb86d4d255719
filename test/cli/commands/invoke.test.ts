import { expect, test } from "vitest";
import { contentType } from "../../../src/cli/commands/invoke.ts";

test.each([
  ["@rows.csv", "{", "text/csv"],
  ["@x.jsonl", "{}", "application/jsonlines"],
  ["@x.bin", "\u00ff\u00fe", "application/octet-stream"],
  ["-", ' {"instances": []}', "application/json"],
  ["5.1,3.5", "5.1,3.5", "text/csv"],
  ["-1,nan", "-1,nan", "text/csv"],
  ["-", "\u0093NUMPY", "application/x-npy"],
])("%s holding %j is %s", (given, body, type) => {
  expect(contentType(given, Buffer.from(body, "latin1"))).toBe(type);
});
