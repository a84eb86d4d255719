/** CreateModel, DescribeModel, ListModels, DeleteModel. */
import type * as sagemaker from "@aws-sdk/client-sagemaker";
import { type Account, arn } from "../../base/arn.ts";
import { NoSuchObject, type ObjectStore } from "../../objects/object-store.ts";
import type { Resource } from "../../state/resource.ts";
import type { ResourceStore } from "../../state/store.ts";
import type { Context } from "../../wire/context.ts";
import type { Handlers } from "../../wire/service.ts";
import { createResource } from "./create-resource.ts";
import { artifactSource, containerOf } from "./deployment-plan.ts";
import { invalid } from "../../sagemaker/errors.ts";
import { notFound } from "./errors.ts";
import { ModelKind, type ModelSpec } from "./kinds.ts";
import { listPage } from "../../sagemaker/listing.ts";
import { queueSettingProblem } from "./queue-settings.ts";
import { removeResource } from "./remove-resource.ts";
import { tagsOf } from "../../sagemaker/tags.ts";

export const modelArn = (account: Account, name: string) =>
  arn(account, "sagemaker", `model/${name.toLowerCase()}`);

type ModelOperations = Pick<
  Handlers<typeof sagemaker, Context>,
  "CreateModel" | "DescribeModel" | "ListModels" | "DeleteModel"
>;

export function modelOperations(
  account: Account,
  store: ResourceStore,
  objects: ObjectStore,
): ModelOperations {
  return {
    async CreateModel({ Tags, ...spec }) {
      const model = spec as ModelSpec;
      const container = containerOf(model);
      checkEnvironment(container.Environment ?? {});
      await findModelData(objects, container);
      const draft = {
        name: spec.ModelName,
        arn: modelArn(account, spec.ModelName),
        spec: model,
        status: { state: "Exists" as const },
        tags: tagsOf(Tags),
      };
      return { ModelArn: await createResource(store, ModelKind, "model", draft) };
    },

    async DescribeModel({ ModelName }) {
      const model = await findModel(account, store, ModelName);
      return {
        ...model.spec,
        ModelName: model.name,
        ModelArn: model.arn,
        CreationTime: new Date(model.createdAt),
      };
    },

    async ListModels(input) {
      const { items, NextToken } = await listPage(store, ModelKind, input);
      return {
        Models: items.map((model) => ({
          ModelName: model.name,
          ModelArn: model.arn,
          CreationTime: new Date(model.createdAt),
        })),
        NextToken,
      };
    },

    async DeleteModel({ ModelName }) {
      await removeResource(store, ModelKind, "model", await findModel(account, store, ModelName));
      return {};
    },
  };
}

/** The model of that name, or AWS's sentence that there is none. */
export async function findModel(
  account: Account,
  store: ResourceStore,
  name: string,
): Promise<Resource<ModelSpec, { state: "Exists" }>> {
  const model = await store.get(ModelKind, name);
  if (!model) throw notFound("model", modelArn(account, name));
  return model;
}

const ENVIRONMENT_BYTES = 32 * 1024;

/** Limits that the service model states per key and value; the total is in CreateModel's documentation. */
function checkEnvironment(environment: Record<string, string>): void {
  const bytes = Object.entries(environment).reduce(
    (sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value),
    0,
  );
  if (bytes > ENVIRONMENT_BYTES)
    throw invalid(`Environment: the keys and values have ${bytes} bytes, more than ${ENVIRONMENT_BYTES}.`);
  const problem = queueSettingProblem(environment);
  if (problem) throw invalid(problem);
}

/** AWS looks for the artifact at CreateModel, so that a wrong address fails before anything is deployed. */
async function findModelData(objects: ObjectStore, container: sagemaker.ContainerDefinition): Promise<void> {
  const source = artifactSource(container);
  if (!source) return;
  const { bucket, key } = source.location;
  try {
    if (source.dataType === "S3Object") await objects.head(bucket, key);
    else if ((await objects.list(bucket, key)[Symbol.asyncIterator]().next()).done)
      throw new NoSuchObject("");
  } catch (error) {
    if (error instanceof NoSuchObject) throw invalid(`Could not find model data at ${source.uri}.`);
    throw error;
  }
}
