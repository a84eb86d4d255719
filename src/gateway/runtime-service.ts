/** The SageMaker runtime as the SDK's package describes it. */
import type * as runtime from "@aws-sdk/client-sagemaker-runtime";
import { RestJson } from "../wire/rest.ts";
import { Service } from "../wire/service.ts";
import { ServiceError } from "../wire/service-error.ts";
import { RUNTIME_MODEL } from "./runtime-model.ts";

/** Its operations, shapes and errors. */
export const RUNTIME = new Service(RUNTIME_MODEL, "sagemaker", {
  serviceId: "SageMaker Runtime",
  protocolSettings: {},
});

/** How it puts errors and events on the wire. */
export const REST_JSON = new RestJson();

/** An exception that the model of the runtime names. */
export class RuntimeError extends ServiceError<typeof runtime> {}
