/** Errors of SQS that its model does not name. */
import { Fault } from "../../wire/http.ts";

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
