/** The SageMaker runtime as the SDK's package describes it. */
import * as runtime from "@aws-sdk/client-sagemaker-runtime";
import { RestJson } from "../wire/rest.ts";
import { Service, type ServiceSettings } from "../wire/service.ts";

const client = new runtime.SageMakerRuntimeClient({
  region: "us-east-1",
  credentials: { accessKeyId: "", secretAccessKey: "" },
});

/** Its operations, shapes and errors. */
export const RUNTIME = new Service(runtime, "sagemaker", client.config as unknown as ServiceSettings);

/** How it puts errors and events on the wire. */
export const REST_JSON = new RestJson();
