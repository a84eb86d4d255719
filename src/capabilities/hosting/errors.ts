/** The sentences of hosting's errors: clients parse them, so they are AWS's to the letter. */
import { Fault } from "../../wire/http.ts";

export const invalid = (message: string) => new Fault("ValidationException", message);

export const notFound = (what: "model" | "endpoint configuration" | "endpoint", arn: string) =>
  invalid(`Could not find ${what} "${arn}".`);

export const alreadyExists = (what: "model" | "endpoint configuration" | "endpoint", arn: string) =>
  invalid(`Cannot create already existing ${what} "${arn}".`);

export const inProgress = (arn: string) => invalid(`Cannot update in-progress endpoint "${arn}".`);

/** For what AWS has and Tideway has not: never half done. */
export const unsupported = (member: string, what: string) =>
  invalid(`${member}: ${what} is not supported by Tideway. What is missing is listed in docs/operations.md.`);
