/** The two errors of SNS that nearly all refusals are. */
import { InvalidParameterException, NotFoundException } from "@aws-sdk/client-sns";

export const invalidParameter = (message: string) =>
  new InvalidParameterException({ message: `Invalid parameter: ${message}`, $metadata: {} });

export const notFound = (what: "Topic" | "Subscription" | "Resource") =>
  new NotFoundException({ message: `${what} does not exist`, $metadata: {} });
