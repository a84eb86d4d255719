/** The fleet of a job: its instances are those of endpoints, of a name that no endpoint has. Pure. */
import type { ArtifactSource, FleetSpec } from "../../compute/engine.ts";
import type { Resource } from "../../state/resource.ts";
import type { TransformJobSpec, TransformStatus } from "./kinds.ts";

type Job = Resource<TransformJobSpec, TransformStatus>;

/** The name comes last, where nothing of it can be mistaken for another part. */
export const fleetOf = ({ uid, name }: Pick<Job, "uid" | "name">) =>
  `transform-${uid.slice(0, 8)}-${name.toLowerCase()}`;

/** The job that a fleet belongs to, in lower case. */
export const jobOfFleet = (id: string) => /^transform-[0-9a-f]{8}-(.*)$/.exec(id)?.[1];

/** AWS's times of an endpoint: a job can not choose. */
const DOWNLOAD_MS = 3_600_000;
const STARTUP_MS = 240_000;
const SLACK_MS = 30_000;
export const READY_WITHIN_MS = DOWNLOAD_MS + STARTUP_MS + SLACK_MS;

export function fleetSpec(job: Job): FleetSpec {
  const { request, container } = job.spec;
  const { digest, codeDigest } = job.status;
  const { artifact, code } = container;
  const pinned = (source: ArtifactSource, known: string | undefined) => ({
    ...source,
    ...(known && { digest: known }),
  });
  return {
    id: fleetOf(job),
    endpoint: job.name,
    variant: "transform",
    container: {
      ...container,
      ...(artifact && { artifact: pinned(artifact, digest) }),
      ...(code && { code: pinned(code, codeDigest) }),
      environment: { ...container.environment, ...request.Environment, ...batchEnvironment(request) },
    },
    instanceType: request.TransformResources!.InstanceType!,
    desired: request.TransformResources!.InstanceCount!,
    downloadTimeoutMs: DOWNLOAD_MS,
    startupTimeoutMs: STARTUP_MS,
  };
}

/** What AWS tells a container of a transform job. */
function batchEnvironment({
  MaxPayloadInMB,
  MaxConcurrentTransforms,
  BatchStrategy,
}: TransformJobSpec["request"]): Record<string, string> {
  return {
    SAGEMAKER_BATCH: "true",
    SAGEMAKER_MAX_PAYLOAD_IN_MB: String(MaxPayloadInMB ?? 6),
    SAGEMAKER_BATCH_STRATEGY: BatchStrategy === "SingleRecord" ? "SINGLE_RECORD" : "MULTI_RECORD",
    SAGEMAKER_MAX_CONCURRENT_TRANSFORMS: String(MaxConcurrentTransforms || 1),
  };
}
