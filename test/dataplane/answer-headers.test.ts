import { expect, test } from "vitest";
import { answerHeaders } from "../../src/dataplane/answer-headers.ts";

test("only the container contract's headers pass", () => {
  expect(
    answerHeaders({
      "content-type": "text/csv",
      "x-amzn-sagemaker-custom-attributes": "a=1",
      "x-amzn-sagemaker-new-session-id": "s; Expires=2030-01-01T00:00:00Z",
      "x-amzn-sagemaker-closed-session-id": "s",
      "set-cookie": ["a=1"],
      "content-length": "5",
      "transfer-encoding": "chunked",
      "x-amzn-errortype": "Forged",
      "access-control-allow-origin": "*",
    }),
  ).toEqual({
    "content-type": "text/csv",
    "x-amzn-sagemaker-custom-attributes": "a=1",
    "x-amzn-sagemaker-new-session-id": "s; Expires=2030-01-01T00:00:00Z",
    "x-amzn-sagemaker-closed-session-id": "s",
  });
});

test.each([["line\r\nbreak"], ["caf\u00e9"], ["nul\0"], ["\ud83d\ude00"], ["x".repeat(1025)]])(
  "a value that could not be sent on is left out: %j",
  (value) => expect(answerHeaders({ "x-amzn-sagemaker-custom-attributes": value })).toEqual({}),
);
