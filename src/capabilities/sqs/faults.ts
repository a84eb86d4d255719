/** Errors of SQS. */
import type * as sdk from "@aws-sdk/client-sqs";
import { Fault } from "../../wire/http.ts";
import { ServiceError } from "../../wire/service-error.ts";

/** An exception that the model of SQS names. */
export class SqsError extends ServiceError<typeof sdk> {}

export const invalidParameter = (message: string) => new Fault("InvalidParameterValue", message);

export const missingParameter = (name: string) =>
  new Fault("MissingParameter", `The request must contain the parameter ${name}.`);

/** Throws unless a number is whole and within its range. */
export function checkRange(name: string, value: number | undefined, min: number, max: number): void {
  if (value === undefined || (Number.isInteger(value) && value >= min && value <= max)) return;
  throw invalidParameter(
    `Value ${value} for parameter ${name} is invalid. Reason: Must be a whole number from ${min} to ${max}.`,
  );
}
