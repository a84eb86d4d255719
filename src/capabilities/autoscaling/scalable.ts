/** What can be scaled: the capacity of an endpoint's variant, read from the endpoint as it was last asked for. */
import type { Resource } from "../../state/resource.ts";
import type { Deployment, EndpointStatus, VariantPlan } from "../hosting/kinds.ts";
import { invalid } from "./errors.ts";

export const INSTANCE_COUNT = "sagemaker:variant:DesiredInstanceCount";
export const PROVISIONED_CONCURRENCY = "sagemaker:variant:DesiredProvisionedConcurrency";

/** How Application Auto Scaling names what it scales. */
export interface ScalableId {
  /** `endpoint/NAME/variant/NAME` */
  readonly resourceId: string;
  readonly dimension: typeof INSTANCE_COUNT | typeof PROVISIONED_CONCURRENCY;
}

/** What a target is called in the store; endpoints ignore the case of their names. */
export const targetName = ({ resourceId, dimension }: ScalableId) => `${dimension} ${resourceId}`;

/** Checks what a request names. */
export function scalableId(request: {
  readonly ServiceNamespace: string;
  readonly ResourceId: string;
  readonly ScalableDimension: string;
}): ScalableId {
  const { ServiceNamespace: namespace, ResourceId: resourceId, ScalableDimension: dimension } = request;
  const variant = /^endpoint\/[^/]+\/variant\/[^/]+$/.test(resourceId);
  if (
    namespace !== "sagemaker" ||
    !variant ||
    (dimension !== INSTANCE_COUNT && dimension !== PROVISIONED_CONCURRENCY)
  )
    throw invalid(
      "Unsupported service namespace, resource type or scalable dimension. " +
        `Tideway scales endpoint/NAME/variant/NAME by ${INSTANCE_COUNT} or ${PROVISIONED_CONCURRENCY}, in the service namespace sagemaker.`,
    );
  return { resourceId, dimension };
}

export function endpointAndVariant({ resourceId }: ScalableId): { endpoint: string; variant: string } {
  const [, endpoint, , variant] = resourceId.split("/");
  return { endpoint: endpoint!, variant: variant! };
}

/** The capacity that was last asked for; undefined where the variant is not there or has none of this dimension. */
export function capacityOf(
  id: ScalableId,
  endpoint: Resource<Deployment, EndpointStatus> | undefined,
): number | undefined {
  const { variant: name } = endpointAndVariant(id);
  const variant = endpoint?.spec.variants.find((one) => one.name === name);
  return variant && dimensionOf(id, variant);
}

function dimensionOf({ dimension }: ScalableId, variant: VariantPlan): number | undefined {
  const { serverless, instanceCount } = variant;
  if (dimension === PROVISIONED_CONCURRENCY) return serverless?.provisionedConcurrency;
  return serverless ? undefined : instanceCount;
}
