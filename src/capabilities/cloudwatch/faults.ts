/** CloudWatch's errors: clients parse their codes. */
import type * as sdk from "@aws-sdk/client-cloudwatch";
import { Fault } from "../../wire/http.ts";
import { ServiceError } from "../../wire/service-error.ts";

/** An exception that the model of CloudWatch names. */
export class CloudWatchError extends ServiceError<typeof sdk> {}

/** What alarms and GetMetricData say to nearly everything that is wrong. */
export const invalid = (message: string) => new Fault("ValidationException", message);

/** What PutMetricData and the older operations on metrics say. */
export const invalidValue = (message: string) =>
  new CloudWatchError("InvalidParameterValueException", message);
export const invalidCombination = (message: string) =>
  new CloudWatchError("InvalidParameterCombinationException", message);
export const missingParameter = (message: string) =>
  new CloudWatchError("MissingRequiredParameterException", message);

export const invalidToken = () =>
  new CloudWatchError("InvalidNextToken", "NextToken is not one that this request was given before.");

/** For what AWS has and Tideway has not: never half done. */
export const unsupported = (member: string, what: string) =>
  invalid(`${member}: ${what} is not supported by Tideway. What is missing is listed in docs/cloudwatch.md.`);
