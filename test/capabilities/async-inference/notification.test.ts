import { expect, test } from "vitest";
import {
  includesResponse,
  notification,
  topicOf,
} from "../../../src/capabilities/async-inference/notification.ts";
import type { Ending } from "../../../src/capabilities/async-inference/request.ts";
import { requestOf } from "./requests.ts";

const request = requestOf("id", {
  headers: { "content-type": "text/csv", accept: "application/json" },
  notify: { successTopic: "good", errorTopic: "bad", responseIn: ["SUCCESS_NOTIFICATION_TOPIC"] },
});
const done: Ending = { kind: "succeeded", at: 500, contentType: "text/csv; charset=utf-8" };
const failed: Ending = { kind: "failed", at: 500, reason: "ClientError: so it was" };
const said = (ending: Ending, response?: Buffer) =>
  JSON.parse(notification(request, ending, "eu-west-1", response)) as Record<string, unknown>;
const common = {
  awsRegion: "eu-west-1",
  eventTime: "1970-01-01T00:00:00.500Z",
  receivedTime: "1970-01-01T00:00:00.000Z",
  requestParameters: {
    accept: "application/json",
    contentType: "text/csv",
    endpointName: "later",
    inputLocation: "s3://jobs/in/id",
  },
  inferenceId: "id",
  eventVersion: "1.0",
  eventSource: "aws:sagemaker",
  eventName: "InferenceResult",
};

test("success and failure are told as AWS tells them", () => {
  expect(said(done)).toEqual({
    ...common,
    invocationStatus: "Completed",
    responseParameters: { contentType: "text/csv; charset=utf-8", outputLocation: "s3://jobs/out/id.out" },
  });
  expect(said(failed)).toEqual({
    ...common,
    invocationStatus: "Failed",
    failureReason: "ClientError: so it was",
    responseParameters: { failureLocation: "s3://jobs/failures/id-error.out" },
  });
});

test("each end has its topic, and the response goes only where it was asked for", () => {
  expect([topicOf(request, done), topicOf(request, failed)]).toEqual(["good", "bad"]);
  expect([includesResponse(request, done), includesResponse(request, failed)]).toEqual([true, false]);
  expect(said(done, Buffer.from("é"))["responseBody"]).toEqual({ content: "é", encoding: "UTF-8" });
  expect(said(done, Buffer.from([0xff]))["responseBody"]).toEqual({ content: "/w==", encoding: "BASE64" });
});
