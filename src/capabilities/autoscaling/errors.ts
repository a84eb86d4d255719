import { Fault } from "../../wire/http.ts";
import type { ScalableId } from "./scalable.ts";

/** For what a request asks and may not. */
export const invalid = (message: string) => new Fault("ValidationException", message);

/** In AWS's words: Terraform looks for the beginning of the sentence. */
export const notRegistered = (id: ScalableId) =>
  new Fault("ObjectNotFoundException", `No scalable target registered for ${named(id)}`);

export const notFound = (what: "scaling policy" | "scheduled action", id: ScalableId, name: string) =>
  new Fault(
    "ObjectNotFoundException",
    `No ${what} found for ${named(id)}, ${what === "scaling policy" ? "policy" : "action"} name: ${name}`,
  );

const named = ({ resourceId, dimension }: ScalableId) =>
  `service namespace: sagemaker, resource ID: ${resourceId}, scalable dimension: ${dimension}`;
