/** The operations of hosting that are built: one row per group, each in its own file. */
import type * as sagemaker from "@aws-sdk/client-sagemaker";
import type { IsolationLevel } from "../../compute/isolation/isolation.ts";
import type { ObjectStore } from "../../objects/object-store.ts";
import type { Context } from "../../wire/context.ts";
import type { Handlers } from "../../wire/service.ts";
import { endpointConfigOperations } from "./endpoint-config-operations.ts";
import { endpointOperations, type EndpointOperationsPorts } from "./endpoint-operations.ts";
import { modelOperations } from "./model-operations.ts";
import { tagOperations } from "./tag-operations.ts";

export function hostingOperations(
  ports: EndpointOperationsPorts & {
    readonly objects: ObjectStore;
    readonly isolation?: IsolationLevel | undefined;
  },
): Handlers<typeof sagemaker, Context> {
  const { account, store, objects } = ports;
  return {
    ...modelOperations(account, store, objects),
    ...endpointConfigOperations(account, store),
    ...endpointOperations(ports),
    ...tagOperations(store, ports.isolation),
  };
}
