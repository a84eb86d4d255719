import type { AsyncRequest } from "../../../src/capabilities/async-inference/request.ts";

/** A request of the endpoint `later` that came at 0. */
export function requestOf(inferenceId: string, more: Partial<AsyncRequest> = {}): AsyncRequest {
  return {
    inferenceId,
    endpoint: "later",
    endpointUid: "uid",
    inputLocation: `s3://jobs/in/${inferenceId}`,
    ownName: true,
    outputLocation: `s3://jobs/out/${inferenceId}.out`,
    failureLocation: `s3://jobs/failures/${inferenceId}-error.out`,
    headers: { "content-type": "text/csv" },
    receivedAt: 0,
    expiresAt: 21_600_000,
    ttlSeconds: 21_600,
    timeoutSeconds: 900,
    notify: { responseIn: [] },
    ...more,
  };
}
