/** Why a request failed, as users read it: the form is AWS's, and so is the sentence for a model's error. */

export const modelError = (status: number) =>
  `ClientError: Received ${status >= 400 && status < 500 ? "client" : "server"} error (${status}) from model. See the SageMaker Endpoint logs in your account for more information.`;

export const timedOut = (seconds: number) =>
  `ClientError: The model did not answer within the ${seconds} s of InvocationTimeoutSeconds.`;

export const expired = (seconds: number) =>
  `ClientError: The request waited for longer than the ${seconds} s of RequestTTLSeconds.`;

export const noInput = (location: string, why: string) =>
  `ClientError: The input ${location} could not be read: ${why}`;

export const noOutput = (location: string, why: string) =>
  `ClientError: The response could not be written to ${location}: ${why}`;

export const inputTooLarge = (location: string, size: number, limit: number) =>
  `ClientError: The input ${location} has ${size} bytes; at most ${limit} are allowed.`;

export const endpointGone = (endpoint: string) =>
  `ClientError: The endpoint ${endpoint} was deleted, or takes no asynchronous requests any more.`;

export const instanceBroke = (times: number, why: string) =>
  `InternalServerError: Each of ${times} instances broke off while it had the request. The last time: ${why}`;
