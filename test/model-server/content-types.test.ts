import { expect, test } from "vitest";

import { chooseAnswer, requestDecoder } from "../../src/model-server/content-types.ts";

const onnx = { format: "onnx", inputs: [{ name: "x", type: "float32", shape: [-1, 2] }] } as const;
const trees = { ...onnx, format: "xgboost" } as const;

test.each([
  ["text/csv", "1,2"],
  ["TEXT/CSV; charset=utf-8", "1,2"],
  [undefined, "1,2"],
  ["application/json", "[[1,2]]"],
  ["application/jsonlines", "[1,2]"],
])("reads %s", (contentType, body) => {
  expect(requestDecoder(contentType, onnx)(Buffer.from(body)).inputs.get("x")!.data).toEqual(
    Float32Array.of(1, 2),
  );
});

test("text/libsvm is for trees", () => {
  expect(requestDecoder("text/x-libsvm", trees)(Buffer.from("0:1 1:2")).inputs.get("x")!.data).toEqual(
    Float32Array.of(1, 2),
  );
  expect(() => requestDecoder("text/libsvm", onnx)).toThrow(
    "Content type text/libsvm is not supported. Supported content types are text/csv, application/json, application/jsonlines, application/x-npy.",
  );
});

test.each([
  [undefined, "text/csv", undefined, "text/csv"],
  ["*/*", "application/json", undefined, "application/json"],
  ["*/*", "application/x-npy", undefined, "application/x-npy"],
  [undefined, "text/libsvm", undefined, "text/csv"],
  [undefined, "text/csv", "application/json", "application/json"],
  ["application/json", "text/csv", undefined, "application/json"],
  ["application/json;q=0.5, text/csv", "application/json", undefined, "text/csv"],
  ["image/png, application/jsonlines", "text/csv", undefined, "application/jsonlines"],
  ["text/*", "application/json", undefined, "text/csv"],
])("Accept %s for %s, with default %s, gives %s", (accept, contentType, fallback, answer) => {
  expect(chooseAnswer(accept, contentType, fallback)).toBe(answer);
});

test("an Accept that nothing meets is refused with the list", () => {
  expect(() => chooseAnswer("image/png", "text/csv", undefined)).toThrow(
    "Accept type image/png is not supported. Supported accept types are text/csv, application/json, application/jsonlines, application/x-npy.",
  );
});
