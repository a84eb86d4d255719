/** From deployments to fleets and routes, and from fleets' states to sentences: pure functions. */
import type { ArtifactSource, FleetSpec, FleetStatus } from "../../compute/engine.ts";
import { notStarted, readyInstances } from "../../compute/fleet-status.ts";
import type { EndpointRoute, ServerlessRoute } from "../../dataplane/routing-table.ts";
import type { Resource } from "../../state/resource.ts";
import { queueSetting } from "./queue-settings.ts";
import type { Deployment, EndpointStatus, VariantPlan, VariantProgress } from "./kinds.ts";

type Endpoint = Resource<Deployment, EndpointStatus>;

/** What every fleet of the endpoint begins with; differs from that of an earlier endpoint of the same name. */
export const fleetPrefix = (endpoint: Endpoint) => `${endpoint.uid.slice(0, 8)}-r`;

/** The endpoint's name comes last, where no name of a variant or endpoint can be mistaken for another part. */
export const fleetId = (endpoint: Endpoint, { revision, variants }: Deployment, variant: VariantPlan) =>
  `${fleetPrefix(endpoint)}${revision}-${variants.indexOf(variant)}-${endpoint.name.toLowerCase()}`;

/** The endpoint that a fleet belongs to, in lower case. */
export const endpointOfFleet = (id: string) => /^[0-9a-f]{8}-r\d+-\d+-(.*)$/.exec(id)?.[1];

/** Under what the digest of a fleet's code is kept, beside that of its model. */
const codeOf = (fleet: string) => `${fleet}/code`;

/** The digests that these fleets told, over those known. */
export function fleetDigests(
  known: Readonly<Record<string, string>>,
  fleets: readonly FleetStatus[],
): Record<string, string> {
  const told = fleets.flatMap(({ id, digest, codeDigest }) => [
    ...(digest === undefined ? [] : [[id, digest]]),
    ...(codeDigest === undefined ? [] : [[codeOf(id), codeDigest]]),
  ]);
  return { ...known, ...(Object.fromEntries(told) as Record<string, string>) };
}

/** Only the digests of these fleets. */
export function keptDigests(
  known: Readonly<Record<string, string>>,
  fleets: ReadonlySet<string>,
): Record<string, string> {
  return Object.fromEntries(Object.entries(known).filter(([key]) => fleets.has(key.replace(/\/code$/, ""))));
}

export function fleetSpec(
  endpoint: Endpoint,
  deployment: Deployment,
  variant: VariantPlan,
  desired: number,
): FleetSpec {
  const id = fleetId(endpoint, deployment, variant);
  const { digests } = endpoint.status;
  const { artifact, code } = variant.container;
  const pinned = (source: ArtifactSource, digest: string | undefined) => ({
    ...source,
    ...(digest && { digest }),
  });
  return {
    id,
    endpoint: endpoint.name,
    variant: variant.name,
    container: {
      ...variant.container,
      ...(artifact && { artifact: pinned(artifact, digests[id]) }),
      ...(code && { code: pinned(code, digests[codeOf(id)]) }),
    },
    instanceType: variant.instanceType,
    desired,
    downloadTimeoutMs: variant.downloadTimeoutMs,
    startupTimeoutMs: variant.startupTimeoutMs,
  };
}

/** The container contract's time for an answer. */
const INVOCATION_TIMEOUT_MS = 60_000;

/** One that was started again so often, and ended so soon after it was ready, is in a crash loop: nobody should wait for it. */
const LOOP_RESTARTS = 3;
const STABLE_MS = 10_000;

const loopingInstances = ({ instances }: FleetStatus) =>
  instances.filter(
    ({ phase, restarts, timeline: { ready = 0, exited = 0 } }) =>
      phase === "exited" && restarts >= LOOP_RESTARTS && exited - ready < STABLE_MS,
  );

/** How many instances are missing and on their way. */
function pending(fleet: FleetStatus): { pending?: number } {
  if (fleet.failure) return {};
  const looping = loopingInstances(fleet);
  const missing = fleet.desired - readyInstances(fleet).length - looping.length;
  return missing > 0 ? { pending: missing } : {};
}

/** Instances that were started again so often, and did not come up the last time either. */
const failingInstances = ({ instances }: FleetStatus) =>
  instances.filter(
    ({ phase, restarts, timeline: { downloading = 0, ready = 0 } }) =>
      phase === "exited" && restarts >= LOOP_RESTARTS && ready < downloading,
  );

/** A serverless variant's requests wait for a worker, unless none can be had. */
function serverlessRoute(variant: VariantPlan, fleet: FleetStatus): { serverless?: ServerlessRoute } {
  if (!variant.serverless) return {};
  const { maxConcurrency, provisionedConcurrency } = variant.serverless;
  const failing =
    readyInstances(fleet).length === 0 && loopingInstances(fleet).length + failingInstances(fleet).length > 0;
  const failure = fleet.failure
    ? failureReason(variant, fleet)
    : failing && "The model's server ends again and again when it is started. Its log says why.";
  return {
    serverless: {
      maxConcurrency,
      ...(provisionedConcurrency > 0 && { provisionedConcurrency }),
      ...(failure && { failure }),
    },
  };
}

/** The route of a deployment whose fleets have these states. */
export function endpointRoute(
  endpoint: Endpoint,
  deployment: Deployment,
  fleets: readonly FleetStatus[],
): EndpointRoute {
  const { live } = endpoint.status;
  const updating = live !== undefined && live.revision !== endpoint.spec.revision;
  const variants = deployment.variants.map((variant, index) => ({
    name: variant.name,
    fleet: fleets[index]!.id,
    weight: variant.weight,
    routing: variant.routing,
    instances: readyInstances(fleets[index]!).map(({ id, address }) => ({ id, address: address! })),
    ...pending(fleets[index]!),
    maxWaitMs: queueSetting(variant.container.environment, "TIDEWAY_MAX_WAIT_MS"),
    ...(updating && { config: deployment.configName }),
    ...serverlessRoute(variant, fleets[index]!),
  }));
  const outstanding = deployment.variants.map(
    ({ container }, index) =>
      Math.max(1, variants[index]!.instances.length) *
      queueSetting(container.environment, "TIDEWAY_MAX_OUTSTANDING"),
  );
  return {
    name: endpoint.name,
    arn: endpoint.arn,
    variants,
    timeoutMs: INVOCATION_TIMEOUT_MS,
    maxOutstanding: outstanding.reduce((sum, one) => sum + one, 0),
    ...(deployment.asyncInference && { asynchronous: true }),
  };
}

/** What DescribeEndpoint says of a variant on its way, with per cent where there are any. */
export function variantProgress(variant: VariantPlan, fleet: FleetStatus): VariantProgress {
  const ready = readyInstances(fleet).length;
  const resolved = fleet.resolvedImage === undefined ? {} : { resolvedImage: fleet.resolvedImage };
  if (ready >= variant.instanceCount) return { ready, ...resolved };
  return { ready, message: launchMessage(variant, fleet, ready), ...resolved };
}

function launchMessage(
  { instanceCount }: VariantPlan,
  { instances, download }: FleetStatus,
  ready: number,
): string {
  const launching = `Launching ${instanceCount} instance(s).`;
  if (instances.some(({ phase }) => phase === "starting"))
    return `${launching} The container is loading the model: ${ready} of ${instanceCount} ready (${Math.round((100 * ready) / instanceCount)} %).`;
  if (download) {
    const { bytes, totalBytes } = download;
    const size = (value: number) =>
      value < 1e6 ? `${Math.ceil(value / 1e3)} KB` : `${(value / 1e6).toFixed(1)} MB`;
    // In steps of 5 per cent: each change of the message is a write to the store.
    if (totalBytes)
      return `${launching} Downloading the model: ${Math.floor((20 * bytes) / totalBytes) * 5} % of ${size(totalBytes)}.`;
    return `${launching} Downloading the model.`;
  }
  return launching;
}

export const failureReason = (variant: VariantPlan, { failure }: FleetStatus): string =>
  notStarted(`production variant ${variant.name}`, failure!);
