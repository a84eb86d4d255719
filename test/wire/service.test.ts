import * as s3 from "@aws-sdk/client-s3";
import * as sagemaker from "@aws-sdk/client-sagemaker";
import type * as runtime from "@aws-sdk/client-sagemaker-runtime";
import { expect, test } from "vitest";
import { type Handlers, Service } from "../../src/wire/service.ts";

type H = Handlers<typeof sagemaker, object>;

/** Lines that compile, or must not: `tsc -p .` is this test. */
export const accepted: H = {
  async CreateModel({ ModelName, Tags }) {
    const name: string = ModelName;
    const key: string | undefined = Tags?.[0]?.Key;
    return { ModelArn: name + key };
  },
};
// @ts-expect-error no such operation
export const misspelled: H = { CreateModle: async () => ({ ModelArn: "" }) };
// @ts-expect-error the output lacks what is required
export const incomplete: H = { CreateModel: async () => ({}) };
// @ts-expect-error a member that the API does not have
export const unknown: H = { CreateModel: async ({ Nmae }) => ({ ModelArn: Nmae }) };
export const invocation: Handlers<typeof runtime, object> = {
  async InvokeEndpoint({ Body }) {
    const bytes: Uint8Array = Body;
    return { Body: bytes };
  },
};
export const upload: Handlers<typeof s3, object> = {
  async PutObject({ Body }) {
    const bytes: AsyncIterable<Uint8Array> | undefined = Body;
    return bytes ? {} : { ETag: "" };
  },
};

test("a service is read from its SDK: operations, errors and how it talks", () => {
  const client = new sagemaker.SageMakerClient({ region: "us-east-1" });
  const service = new Service(sagemaker, "sagemaker", client.config as never);
  expect(service.target).toBe("SageMaker");
  expect(service.operations.size).toBeGreaterThan(390);
  expect(service.operations.get("CreateModel")?.input.getName()).toBe("CreateModelInput");
  expect(service.error("ResourceNotFound")).toBeDefined();
  expect(service.error("MakeCoffee")).toBeUndefined();
});
