/** The two errors of SNS that nearly all refusals are. */
import type * as sdk from "@aws-sdk/client-sns";
import { ServiceError } from "../../wire/service-error.ts";

/** An exception that the model of SNS names. */
export class SnsError extends ServiceError<typeof sdk> {}

export const invalidParameter = (message: string) =>
  new SnsError("InvalidParameterException", `Invalid parameter: ${message}`);

export const notFound = (what: "Topic" | "Subscription" | "Resource") =>
  new SnsError("NotFoundException", `${what} does not exist`);
