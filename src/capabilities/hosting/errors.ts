/** The sentences of hosting's errors: clients parse them, so they are AWS's to the letter. */
import { invalid } from "../../sagemaker/errors.ts";

export const notFound = (what: "model" | "endpoint configuration" | "endpoint", arn: string) =>
  invalid(`Could not find ${what} "${arn}".`);

export const alreadyExists = (what: "model" | "endpoint configuration" | "endpoint", arn: string) =>
  invalid(`Cannot create already existing ${what} "${arn}".`);

export const inProgress = (arn: string) => invalid(`Cannot update in-progress endpoint "${arn}".`);
