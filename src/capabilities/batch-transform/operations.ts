/** CreateTransformJob, DescribeTransformJob, ListTransformJobs, StopTransformJob. */
import type * as sagemaker from "@aws-sdk/client-sagemaker";
import { type Account, arn } from "../../base/arn.ts";
import type { Clock } from "../../base/clock.ts";
import type { ContainerSpec } from "../../compute/engine.ts";
import { held, holdUntil } from "../../sagemaker/describe-hold.ts";
import { invalid } from "../../sagemaker/errors.ts";
import { listPage } from "../../sagemaker/listing.ts";
import { tagsOf } from "../../sagemaker/tags.ts";
import type { Resource } from "../../state/resource.ts";
import { AlreadyExists, Conflict, type ResourceStore } from "../../state/store.ts";
import type { Context } from "../../wire/context.ts";
import { Fault } from "../../wire/http.ts";
import type { Handlers } from "../../wire/service.ts";
import { TransformJobKind, type TransformJobSpec, type TransformStatus } from "./kinds.ts";
import { checkJob } from "./validation.ts";

export interface TransformOperationsPorts {
  readonly account: Account;
  readonly store: ResourceStore;
  readonly clock: Clock;
  /** How long DescribeTransformJob may hold its answer while a job is under way: SDK waiters sleep 60 s between looks. */
  readonly describeHoldMs: number;
  /** What runs the model of this name. Throws AWS's error when there is none, or it can not be run. */
  readonly containerOf: (model: string) => Promise<ContainerSpec>;
}

type TransformJob = Resource<TransformJobSpec, TransformStatus>;
type TransformOperations = Pick<
  Handlers<typeof sagemaker, Context>,
  "CreateTransformJob" | "DescribeTransformJob" | "ListTransformJobs" | "StopTransformJob"
>;

const UNDER_WAY: ReadonlySet<string> = new Set(["InProgress", "Stopping"]);

export function transformOperations(ports: TransformOperationsPorts): TransformOperations {
  const { account, store, clock, describeHoldMs, containerOf } = ports;

  const find = async (name: string): Promise<TransformJob> => {
    const job = await store.get(TransformJobKind, name);
    if (!job) throw notFound(name);
    return job;
  };

  return {
    async CreateTransformJob({ Tags, ...request }) {
      checkJob(request);
      const { TransformJobName: name } = request;
      const spec: TransformJobSpec = { request, container: await containerOf(request.ModelName) };
      const draft = {
        name,
        arn: arn(account, "sagemaker", `transform-job/${name.toLowerCase()}`),
        spec,
        status: { state: "InProgress" as const },
        tags: tagsOf(Tags),
      };
      try {
        return { TransformJobArn: (await store.create(TransformJobKind, draft)).arn };
      } catch (error) {
        if (error instanceof AlreadyExists) throw nameTaken(error.arn);
        throw error;
      }
    },

    async DescribeTransformJob({ TransformJobName }, { request, signal }) {
      const hold = { until: holdUntil(request.headers), forMs: describeHoldMs, signal, moving: UNDER_WAY };
      const job = await held(store, clock, TransformJobKind, await find(TransformJobName), hold);
      if (!job) throw notFound(TransformJobName);
      return describe(job);
    },

    async ListTransformJobs(input) {
      const { items, NextToken } = await listPage(store, TransformJobKind, input);
      return {
        TransformJobSummaries: items.map((job) => ({
          TransformJobName: job.name,
          TransformJobArn: job.arn,
          TransformJobStatus: job.status.state,
          CreationTime: new Date(job.createdAt),
          LastModifiedTime: new Date(job.updatedAt),
          ...ending(job.status),
        })),
        NextToken,
      };
    },

    async StopTransformJob({ TransformJobName }) {
      for (;;) {
        const job = await find(TransformJobName);
        const { state } = job.status;
        if (state === "Stopping") return {};
        if (state !== "InProgress")
          throw invalid(`The request was rejected because the transform job is in status ${state}.`);
        try {
          const status: TransformStatus = { ...job.status, state: "Stopping" };
          await store.update(TransformJobKind, job, { status, reason: "StopTransformJob." });
          return {};
        } catch (error) {
          if (!(error instanceof Conflict)) throw error; // the controller wrote meanwhile: look again
        }
      }
    },
  };
}

function describe(job: TransformJob): sagemaker.DescribeTransformJobResponse {
  const { request } = job.spec;
  const { startedAt, settings } = job.status;
  return {
    ...request,
    TransformJobName: job.name,
    TransformJobArn: job.arn,
    TransformJobStatus: job.status.state,
    CreationTime: new Date(job.createdAt),
    ...(settings && {
      MaxConcurrentTransforms: settings.concurrent,
      MaxPayloadInMB: settings.maxPayloadMB,
      BatchStrategy: settings.strategy,
    }),
    ...(startedAt !== undefined && { TransformStartTime: new Date(startedAt) }),
    ...ending(job.status),
    DataProcessing: { InputFilter: "$", OutputFilter: "$", JoinSource: "None", ...request.DataProcessing },
  };
}

const ending = ({ endedAt, failureReason }: TransformStatus) => ({
  ...(endedAt !== undefined && { TransformEndTime: new Date(endedAt) }),
  ...(failureReason !== undefined && { FailureReason: failureReason }),
});

/** AWS's words, by which clients know that a job is not there: aws/amazon-sagemaker-operator-for-k8s. */
const notFound = (name: string) => invalid(`Could not find requested job with name: ${name}`);

const nameTaken = (jobArn: string) =>
  new Fault(
    "ResourceInUse",
    `Job name must be unique within an AWS account and region, and a job with this name already exists (${jobArn})`,
  );
