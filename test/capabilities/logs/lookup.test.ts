import { expect, test } from "vitest";
import { groupNameOf } from "../../../src/capabilities/logs/lookup.ts";

test.each([
  ["/shop", "/shop"],
  ["arn:aws:logs:us-east-1:000000000000:log-group:/shop", "/shop"],
  ["arn:aws:logs:us-east-1:000000000000:log-group:/shop:*", "/shop"],
  ["arn:aws:logs:us-east-1:000000000000:log-group:/shop:log-stream:web", undefined],
  ["arn:aws:sns:us-east-1:000000000000:topic", undefined],
  // what the store calls a group that is deleted
  [":1", undefined],
])("%s names the group %s", (identifier, name) => {
  expect(groupNameOf(identifier)).toBe(name);
});
