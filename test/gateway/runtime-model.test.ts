import { expect, test } from "vitest";
import { runtimeModel } from "../../scripts/runtime-model.ts";
import { RUNTIME_MODEL } from "../../src/gateway/runtime-model.ts";

test("the gateway knows the runtime as the SDK's package describes it: else run scripts/runtime-model.ts", () => {
  // in plain text: a schema that is in use remembers what was made of it
  expect(JSON.stringify(RUNTIME_MODEL)).toBe(JSON.stringify(runtimeModel()));
});
