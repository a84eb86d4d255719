/** What batch transform keeps in the store: transform jobs. How far a job is stands in a table of its own. */
import type { CreateTransformJobRequest } from "@aws-sdk/client-sagemaker";
import type { ContainerSpec } from "../../compute/engine.ts";
import { defineKind } from "../../state/resource.ts";
import type { Settings } from "./settings.ts";

export interface TransformJobSpec {
  /** As it came, without its tags. */
  readonly request: Omit<CreateTransformJobRequest, "Tags">;
  /** A snapshot of the model: the job goes on when that is deleted. */
  readonly container: ContainerSpec;
}

export type TransformState = "InProgress" | "Completed" | "Failed" | "Stopping" | "Stopped";

export interface TransformStatus {
  readonly state: TransformState;
  /** When the instances were ready and the work began. */
  readonly startedAt?: number;
  readonly endedAt?: number;
  readonly failureReason?: string;
  /** What was agreed with the container; fixed for the job, so that it goes on as it began. */
  readonly settings?: Settings;
  /** sha256 of the model, so that instances that are started later load the same bytes or none. */
  readonly digest?: string;
  readonly codeDigest?: string;
  /** What it came to, once it has ended. */
  readonly totals?: Totals;
}

/** How much of a job is done. */
export interface Totals {
  /** Objects whose output is there. */
  readonly objects: number;
  readonly failedObjects: number;
  readonly records: number;
  /** Of the input, as it is stored. */
  readonly bytes: number;
}

export const TransformJobKind = defineKind<TransformJobSpec, TransformStatus>({
  name: "TransformJob",
  ignoresCase: true,
  arrows: {
    InProgress: ["Completed", "Failed", "Stopping"],
    Stopping: ["Stopped"],
    Completed: [],
    Failed: [],
    Stopped: [],
  },
});
