/** EventBridge's errors: clients parse their codes. */
import type * as sdk from "@aws-sdk/client-eventbridge";
import { Fault } from "../../wire/http.ts";
import { ServiceError } from "../../wire/service-error.ts";

/** An exception that the model of EventBridge names. */
export class EventsError extends ServiceError<typeof sdk> {}

/** For what a request asks and may not. */
export const invalid = (message: string) => new Fault("ValidationException", message);

export const notFound = (message: string) => new EventsError("ResourceNotFoundException", message);

export const limitExceeded = () =>
  new EventsError("LimitExceededException", "The requested resource exceeds the maximum number allowed.");

export const changedMeanwhile = (name: string) =>
  new EventsError("ConcurrentModificationException", `${name} is being changed by another request.`);

/** For what AWS has and Tideway has not: never half done. */
export const unsupported = (what: string) =>
  invalid(`${what} is not supported by Tideway. What is missing is listed in docs/events.md.`);
