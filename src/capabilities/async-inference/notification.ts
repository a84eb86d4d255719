/** What is told of the end of a request, in AWS's words: pure functions. */
import type { AsyncRequest, Ending } from "./request.ts";

/** A response that is longer is not repeated in the notification. */
export const INCLUDED_BYTES = 128 * 1024;

/** The topic that hears of this end; undefined when none does. */
export function topicOf({ notify }: AsyncRequest, ending: Ending): string | undefined {
  return ending.kind === "succeeded" ? notify.successTopic : notify.errorTopic;
}

/** Whether the topic also gets the response itself. */
export function includesResponse({ notify }: AsyncRequest, ending: Ending): boolean {
  return notify.responseIn.includes(
    ending.kind === "succeeded" ? "SUCCESS_NOTIFICATION_TOPIC" : "ERROR_NOTIFICATION_TOPIC",
  );
}

/** The message of the notification; `response` is what the model said, where it is to be repeated. */
export function notification(
  request: AsyncRequest,
  ending: Ending,
  region: string,
  response: Uint8Array | undefined,
): string {
  const { headers, inputLocation, failureLocation } = request;
  const time = (at: number) => new Date(at).toISOString();
  return JSON.stringify({
    awsRegion: region,
    eventTime: time(ending.at),
    receivedTime: time(request.receivedAt),
    invocationStatus: ending.kind === "succeeded" ? "Completed" : "Failed",
    ...(ending.kind === "failed" && { failureReason: ending.reason }),
    requestParameters: {
      accept: headers["accept"],
      contentType: headers["content-type"],
      customAttributes: headers["x-amzn-sagemaker-custom-attributes"],
      endpointName: request.endpoint,
      inputLocation,
    },
    ...(ending.kind === "succeeded"
      ? { responseParameters: { contentType: ending.contentType, outputLocation: request.outputLocation } }
      : failureLocation && { responseParameters: { failureLocation } }),
    ...(response && { responseBody: responseBody(response) }),
    inferenceId: request.inferenceId,
    eventVersion: "1.0",
    eventSource: "aws:sagemaker",
    eventName: "InferenceResult",
  });
}

function responseBody(bytes: Uint8Array): { content: string; encoding: "UTF-8" | "BASE64" } {
  try {
    return {
      content: new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes),
      encoding: "UTF-8",
    };
  } catch {
    return { content: Buffer.from(bytes).toString("base64"), encoding: "BASE64" };
  }
}
