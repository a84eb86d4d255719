/** What every capability of SageMaker refuses with: clients parse the sentences, so they are AWS's to the letter. */
import { Fault } from "../wire/http.ts";

/** For what a request asks and may not. */
export const invalid = (message: string) => new Fault("ValidationException", message);

/** For what AWS has and Tideway has not: never half done. */
export const unsupported = (member: string, what: string) =>
  invalid(`${member}: ${what} is not supported by Tideway. What is missing is listed in docs/operations.md.`);
