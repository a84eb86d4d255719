import { expect, test } from "vitest";
import { invocationTarget } from "../../src/gateway/invocation-target.ts";

test.each([
  ["POST", "/endpoints/iris/invocations", { kind: "invoke", endpoint: "iris", path: "/invocations" }],
  ["POST", "/endpoints/iris/invocations?a=b/c", { kind: "invoke", endpoint: "iris", path: "/invocations" }],
  ["POST", "/endpoints/a%20b/invocations-response-stream", { kind: "stream", endpoint: "a%20b" }],
  ["POST", "/endpoints/iris/openai/v1/chat/completions", { kind: "openai", path: "/v1/chat/completions" }],
  ["GET", "/endpoints/iris/openai/v1/models?x=1", { kind: "openai", method: "GET", path: "/v1/models" }],
  [
    "POST",
    "/endpoints/iris/inference-components/ic/openai/v1/chat/completions",
    { kind: "openai", path: "/v1/chat/completions", inferenceComponent: "ic" },
  ],
])("%s %s is an invocation", (method, url, target) => {
  expect(invocationTarget(method, url)).toMatchObject(target);
});

test.each([
  ["POST", "/"],
  ["GET", "/endpoints/iris/invocations"],
  ["PUT", "/endpoints/iris/invocations"],
  ["POST", "/endpoints/iris"],
  ["POST", "/endpoints//invocations"],
  ["POST", "/endpoints/iris?/invocations"],
  ["POST", "/endpoints/iris/async-invocations"],
  ["POST", "/endpoints/iris/openai/v2/chat"],
  ["POST", "/endpoints/iris/inference-components//openai/v1/chat"],
  ["POST", "/endpoints/iris/inference-components/ic/invocations"],
  ["POST", "/bucket/endpoints/iris/invocations"],
  [undefined, undefined],
])("%s %s is not", (method, url) => {
  expect(invocationTarget(method, url)).toBeUndefined();
});
