/** CreateEndpointConfig, DescribeEndpointConfig, ListEndpointConfigs, DeleteEndpointConfig. */
import type * as sagemaker from "@aws-sdk/client-sagemaker";
import { type Account, arn } from "../../base/arn.ts";
import type { Resource } from "../../state/resource.ts";
import type { ResourceStore } from "../../state/store.ts";
import type { Context } from "../../wire/context.ts";
import type { Handlers } from "../../wire/service.ts";
import { createResource } from "./create-resource.ts";
import { checkConfig } from "./deployment-plan.ts";
import { notFound } from "./errors.ts";
import { EndpointConfigKind, type EndpointConfigSpec } from "./kinds.ts";
import { listPage } from "../../sagemaker/listing.ts";
import { findModel } from "./model-operations.ts";
import { removeResource } from "./remove-resource.ts";
import { tagsOf } from "../../sagemaker/tags.ts";

export const endpointConfigArn = (account: Account, name: string) =>
  arn(account, "sagemaker", `endpoint-config/${name.toLowerCase()}`);

type EndpointConfigOperations = Pick<
  Handlers<typeof sagemaker, Context>,
  "CreateEndpointConfig" | "DescribeEndpointConfig" | "ListEndpointConfigs" | "DeleteEndpointConfig"
>;

export function endpointConfigOperations(account: Account, store: ResourceStore): EndpointConfigOperations {
  return {
    async CreateEndpointConfig({ Tags, ...spec }) {
      const config = spec as EndpointConfigSpec;
      checkConfig(config);
      for (const variant of config.ProductionVariants ?? [])
        await findModel(account, store, variant.ModelName!);
      const name = spec.EndpointConfigName;
      const draft = {
        name,
        arn: endpointConfigArn(account, name),
        spec: config,
        status: { state: "Exists" as const },
        tags: tagsOf(Tags),
      };
      return {
        EndpointConfigArn: await createResource(store, EndpointConfigKind, "endpoint configuration", draft),
      };
    },

    async DescribeEndpointConfig({ EndpointConfigName }) {
      const { spec, name, arn, createdAt } = await findEndpointConfig(account, store, EndpointConfigName);
      return {
        ...spec,
        EndpointConfigName: name,
        EndpointConfigArn: arn,
        ProductionVariants: spec.ProductionVariants ?? [],
        CreationTime: new Date(createdAt),
      };
    },

    async ListEndpointConfigs(input) {
      const { items, NextToken } = await listPage(store, EndpointConfigKind, input);
      return {
        EndpointConfigs: items.map(({ name, arn, createdAt }) => ({
          EndpointConfigName: name,
          EndpointConfigArn: arn,
          CreationTime: new Date(createdAt),
        })),
        NextToken,
      };
    },

    async DeleteEndpointConfig({ EndpointConfigName }) {
      const config = await findEndpointConfig(account, store, EndpointConfigName);
      await removeResource(store, EndpointConfigKind, "endpoint configuration", config);
      return {};
    },
  };
}

/** The configuration of that name, or AWS's sentence that there is none. */
export async function findEndpointConfig(
  account: Account,
  store: ResourceStore,
  name: string,
): Promise<Resource<EndpointConfigSpec, { state: "Exists" }>> {
  const config = await store.get(EndpointConfigKind, name);
  if (!config) throw notFound("endpoint configuration", endpointConfigArn(account, name));
  return config;
}
