/** The errors of CloudWatch Logs: clients parse their codes, and some their texts. */
import type * as sdk from "@aws-sdk/client-cloudwatch-logs";
import { ServiceError } from "../../wire/service-error.ts";

class LogsError extends ServiceError<typeof sdk> {}

export const invalid = (message: string) => new LogsError("InvalidParameterException", message);
export const noGroup = () =>
  new LogsError("ResourceNotFoundException", "The specified log group does not exist.");
export const noStream = () =>
  new LogsError("ResourceNotFoundException", "The specified log stream does not exist.");
export const groupExists = () =>
  new LogsError("ResourceAlreadyExistsException", "The specified log group already exists");
export const streamExists = () =>
  new LogsError("ResourceAlreadyExistsException", "The specified log stream already exists");
export const noResource = () =>
  new LogsError("ResourceNotFoundException", "The specified resource does not exist.");
export const tooManyTags = () => new LogsError("TooManyTagsException", "A resource can have up to 50 tags.");
export const tooMany = (message: string) => new LogsError("LimitExceededException", message);
export const timedOut = () =>
  new LogsError("SessionTimeoutException", "The session has been open for three hours, which is the most.");

/** For what AWS has and Tideway has not: never half done. */
export const unsupported = (member: string, what: string) =>
  invalid(`${member}: ${what} is not supported by Tideway. What is missing is listed in docs/logs.md.`);
