/** Batch transform as control runs it: its operations, its controller, its table. */
import { join } from "node:path";
import type * as sagemaker from "@aws-sdk/client-sagemaker";
import type { CallInstance } from "../../dataplane/instance-call.ts";
import type { ResourceStore } from "../../state/store.ts";
import type { Context } from "../../wire/context.ts";
import type { Handlers } from "../../wire/service.ts";
import { InstanceClient } from "./instance-client.ts";
import { fleetOf, jobOfFleet } from "./job-fleet.ts";
import { JobTable } from "./job-table.ts";
import { TransformJobKind } from "./kinds.ts";
import { type TransformOperationsPorts, transformOperations } from "./operations.ts";
import { TransformJobs, type TransformJobsPorts } from "./transform-jobs.ts";

export interface BatchTransformPorts
  extends TransformOperationsPorts, Omit<TransformJobsPorts, "table" | "ask"> {
  readonly dataDir: string;
  readonly call: CallInstance;
  readonly fatal: (error: Error) => void;
}

export interface BatchTransform extends AsyncDisposable {
  readonly operations: Handlers<typeof sagemaker, Context>;
  /** How far the job is, for Tideway's own API; undefined when there is none of that name. */
  describe(name: string): Promise<object | undefined>;
}

/** Takes up the jobs that an earlier control left. */
export async function openBatchTransform(ports: BatchTransformPorts): Promise<BatchTransform> {
  await using parts = new AsyncDisposableStack();
  const { store, clock, fatal, dataDir } = ports;
  const table = parts.use(new JobTable(join(dataDir, "batch-transform.sqlite"), clock, fatal));
  const client = parts.use(new InstanceClient(clock));
  const jobs = parts.use(await TransformJobs.open({ ...ports, table, ask: client.ask }));
  const owned = parts.move();
  return {
    operations: transformOperations(ports),
    async describe(name) {
      const job = await store.get(TransformJobKind, name);
      if (!job) return undefined;
      const { state, failureReason, startedAt, endedAt } = job.status;
      return { name: job.name, state, failureReason, startedAt, endedAt, ...jobs.progress(job) };
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Whether the fleet is that of a job which is there. */
export async function isTransformFleet(store: ResourceStore, fleet: string): Promise<boolean> {
  const name = jobOfFleet(fleet);
  const job = name === undefined ? undefined : await store.get(TransformJobKind, name);
  return job !== undefined && fleetOf(job) === fleet;
}
