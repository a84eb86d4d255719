import { createReadStream } from "node:fs";
import type {
  AsyncInferenceConfig,
  DescribeEndpointCommandOutput,
  ProductionVariantInstanceType,
} from "@aws-sdk/client-sagemaker";
import { type Clock, sleep } from "../base/clock.ts";
import type { AwsClients } from "./aws-clients.ts";
import { CliError } from "./exit-codes.ts";
import type { ModelPackage } from "./model-package.ts";
import { ownBucket } from "./own-bucket.ts";
import { watchPhases } from "./phases.ts";
import { PROGRAM } from "./program-name.ts";
import { byteSize, duration } from "./quantities.ts";
import type { Terminal } from "./terminal.ts";

/** What is to run under an endpoint's name. */
export interface DeploymentSpec {
  readonly endpoint: string;
  readonly image: string;
  readonly instanceType: string;
  readonly instances: number;
  readonly environment: Readonly<Record<string, string>>;
  /** A package of this machine to upload, or the address of one in the object store. */
  readonly model: ModelPackage | string;
  /** In place of instances. */
  readonly serverless?: { readonly memoryMiB: number; readonly maxConcurrency: number };
  /** Whether it takes asynchronous requests, and no others. */
  readonly async?: boolean;
  /** Milliseconds until waiting is given up; undefined does not wait. */
  readonly waitMs: number | undefined;
}

export interface DeploymentPorts {
  readonly aws: AwsClients;
  readonly accountId: string;
  readonly region: string;
  readonly terminal: Terminal;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** What a deployment came to. */
export interface Deployed {
  /** The name of the model and the configuration that were made. */
  readonly config: string;
  /** Absent when nobody waited for it. */
  readonly status?: string;
}

/** Uploads, creates model and configuration, creates or updates the endpoint, and shows how it comes up. */
export async function deployEndpoint(spec: DeploymentSpec, ports: DeploymentPorts): Promise<Deployed> {
  const { terminal, signal, clock } = ports;
  const { sdk, client } = await ports.aws.sagemaker("change");
  const abort = { abortSignal: signal };
  const start = clock.monotonic();
  const step = (event: string, words: string, facts: Readonly<Record<string, unknown>> = {}) => {
    const elapsedMs = clock.monotonic() - start;
    terminal.event(event, { elapsedMs: Math.round(elapsedMs), ...facts });
    terminal.say(`${duration(elapsedMs).padStart(9)}  ${words}`);
  };

  // First of all, for it refuses a name that no endpoint may have.
  const before = await current(spec.endpoint, ports);
  const url = typeof spec.model === "string" ? spec.model : await upload(spec.endpoint, spec.model, ports);
  if (typeof spec.model !== "string")
    step("uploaded", `Uploaded model.tar.gz (${byteSize(spec.model.bytes)}) to ${url}`, {
      url,
      bytes: spec.model.bytes,
      sha256: spec.model.digest,
    });
  const name = revisionName(spec.endpoint, new Date(clock.now()));
  await client.send(
    new sdk.CreateModelCommand({
      ModelName: name,
      ExecutionRoleArn: `arn:aws:iam::${ports.accountId}:role/tideway`,
      PrimaryContainer: { Image: spec.image, ModelDataUrl: url, Environment: { ...spec.environment } },
    }),
    abort,
  );
  step("model", `Created model ${name}`, { model: name });
  try {
    await client.send(
      new sdk.CreateEndpointConfigCommand({
        EndpointConfigName: name,
        ProductionVariants: [
          {
            VariantName: "AllTraffic",
            ModelName: name,
            InitialVariantWeight: 1,
            ...(spec.serverless
              ? {
                  ServerlessConfig: {
                    MemorySizeInMB: spec.serverless.memoryMiB,
                    MaxConcurrency: spec.serverless.maxConcurrency,
                  },
                }
              : {
                  InstanceType: spec.instanceType as ProductionVariantInstanceType,
                  InitialInstanceCount: spec.instances,
                }),
          },
        ],
        ...(spec.async && { AsyncInferenceConfig: await asyncConfig(spec.endpoint, ports) }),
      }),
      abort,
    );
    step("config", `Created endpoint configuration ${name}`, { config: name });
    const names = { EndpointName: spec.endpoint, EndpointConfigName: name };
    if (before === undefined) await client.send(new sdk.CreateEndpointCommand(names), abort);
    else await client.send(new sdk.UpdateEndpointCommand(names), abort);
  } catch (error) {
    // Nothing half-done is left: what this deployment made goes again, as far as it was made.
    await client
      .send(new sdk.DeleteEndpointConfigCommand({ EndpointConfigName: name }))
      .catch(() => undefined);
    await client.send(new sdk.DeleteModelCommand({ ModelName: name })).catch(() => undefined);
    throw error;
  }
  step("requested", `${before ? "Updating" : "Creating"} endpoint ${terminal.style("bold", spec.endpoint)}`, {
    endpoint: spec.endpoint,
    update: before !== undefined,
  });
  if (spec.waitMs === undefined) return { config: name };
  const describe = () => client.send(new sdk.DescribeEndpointCommand({ EndpointName: spec.endpoint }), abort);
  const status = settled(name, await watchPhases(describe, { ...ports, start, timeoutMs: spec.waitMs }));
  return { config: name, status };
}

/** Results and failures go to the bucket of the command line. */
async function asyncConfig(endpoint: string, ports: DeploymentPorts): Promise<AsyncInferenceConfig> {
  const folder = `s3://${await ownBucket(ports)}/${endpoint}/async`;
  return { OutputConfig: { S3OutputPath: `${folder}/out`, S3FailurePath: `${folder}/failures` } };
}

/** In service, and with what was asked for: an update that was rolled back is in service, too. */
function settled(config: string, endpoint: DescribeEndpointCommandOutput): string {
  if (endpoint.EndpointStatus === "InService" && endpoint.EndpointConfigName === config)
    return endpoint.EndpointStatus;
  const { EndpointName: name, EndpointStatus: status, FailureReason: reason } = endpoint;
  const kept = status === "InService" ? " It still serves what it did before." : "";
  throw new CliError(
    "deploymentFailed",
    `The deployment of ${name} failed: ${reason ?? `the endpoint is ${status}.`}${kept}`,
    `See what the model wrote with: ${PROGRAM} logs ${name}`,
  );
}

/** The endpoint as it is, undefined where there is none; a failed one can only be deleted, so it is. */
async function current(
  endpoint: string,
  { aws, terminal, signal, clock }: DeploymentPorts,
): Promise<DescribeEndpointCommandOutput | undefined> {
  const { sdk, client } = await aws.sagemaker();
  const describe = () =>
    client
      .send(new sdk.DescribeEndpointCommand({ EndpointName: endpoint }), { abortSignal: signal })
      .catch((error: unknown) => {
        if (error instanceof Error && /could not find/i.test(error.message)) return undefined;
        throw error;
      });
  const found = await describe();
  if (found?.EndpointStatus !== "Failed") return found;
  terminal.say(`Replacing ${endpoint}, which had failed`);
  await client.send(new sdk.DeleteEndpointCommand({ EndpointName: endpoint }), { abortSignal: signal });
  while (await describe()) await sleep(clock, 100, signal);
  return undefined;
}

async function upload(endpoint: string, model: ModelPackage, ports: DeploymentPorts): Promise<string> {
  const { sdk, client } = await ports.aws.s3();
  const bucket = await ownBucket(ports);
  const key = `${endpoint}/${model.digest.slice(0, 16)}/model.tar.gz`;
  const abort = { abortSignal: ports.signal };
  await client.send(
    new sdk.PutObjectCommand({
      Bucket: bucket,
      Key: key,
      Body: createReadStream(model.file),
      ContentLength: model.bytes,
      ContentType: "application/gzip",
    }),
    abort,
  );
  return `s3://${bucket}/${key}`;
}

const REVISION = /-\d{8}-\d{6}-\d{3}$/;

/** The name of a deployment's model and configuration: the endpoint's, and when. 63 characters are AWS's limit. */
export function revisionName(endpoint: string, at: Date): string {
  const [day = "", time = ""] = at.toISOString().replaceAll("-", "").replaceAll(":", "").split("T");
  return `${endpoint.slice(0, 43).replace(/-+$/, "")}-${day}-${time.slice(0, 6)}-${time.slice(7, 10)}`;
}

/** Whether a name was made by `revisionName` for this endpoint. */
export function isRevisionOf(endpoint: string, name: string): boolean {
  return REVISION.test(name) && name.replace(REVISION, "") === endpoint.slice(0, 43).replace(/-+$/, "");
}
