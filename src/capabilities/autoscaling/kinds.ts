import type {
  PolicyType,
  ScalingActivity as Activity,
  StepScalingPolicyConfiguration,
  SuspendedState,
  TargetTrackingScalingPolicyConfiguration,
} from "@aws-sdk/client-application-auto-scaling";
import { defineKind } from "../../state/resource.ts";
import type { NotScaledCode, PastChange } from "./decide.ts";
import type { ScalableId } from "./scalable.ts";

/** What may be scaled, and how far. */
export interface ScalableTargetSpec extends ScalableId {
  readonly min: number;
  readonly max: number;
  readonly roleArn: string;
  readonly suspended: SuspendedState;
}

export interface ScalableTargetStatus {
  readonly state: "Active";
  readonly lastOut?: PastChange;
  readonly lastIn?: PastChange;
  /** Why the last wish came to nothing, so that it is told once. */
  readonly notScaled?: NotScaledCode;
  /** The activity that has not ended yet. */
  readonly activity?: string;
}

export const ScalableTargetKind = defineKind<ScalableTargetSpec, ScalableTargetStatus>({
  name: "ScalableTarget",
  arrows: { Active: [] },
});

/** A policy belongs to its target (owner). */
export interface ScalingPolicySpec extends ScalableId {
  readonly policyName: string;
  readonly type: Extract<PolicyType, "StepScaling" | "TargetTrackingScaling">;
  readonly step?: StepScalingPolicyConfiguration;
  readonly tracking?: TargetTrackingScalingPolicyConfiguration;
  /** Names of the alarms that were made for it. */
  readonly alarms: readonly string[];
}

export const ScalingPolicyKind = defineKind<ScalingPolicySpec, { readonly state: "Active" }>({
  name: "ScalingPolicy",
  arrows: { Active: [] },
});

/** It belongs to its target (owner). Times in milliseconds since the epoch. */
export interface ScheduledActionSpec extends ScalableId {
  readonly actionName: string;
  readonly schedule: string;
  readonly timeZone: string;
  readonly startsAt?: number;
  readonly endsAt?: number;
  readonly min?: number;
  readonly max?: number;
}

export const ScheduledActionKind = defineKind<
  ScheduledActionSpec,
  {
    readonly state: "Active";
    /** Up to when its runs are done. */
    readonly doneUntil: number;
  }
>({ name: "ScheduledAction", arrows: { Active: [] } });

/** What was done to a target and why, or why nothing was. */
export interface ScalingActivitySpec extends ScalableId {
  readonly description: string;
  readonly cause: string;
  /** What the capacity was, and is to become; none where nothing is changed. */
  readonly change?: { readonly from: number; readonly to: number };
  readonly notScaled?: NonNullable<Activity["NotScaledReasons"]>[number];
}

export const ScalingActivityKind = defineKind<
  ScalingActivitySpec,
  {
    readonly state: "Pending" | "InProgress" | "Successful" | "Overridden" | "Unfulfilled" | "Failed";
    readonly message: string;
    readonly endedAt?: number;
  }
>({
  name: "ScalingActivity",
  arrows: {
    Pending: ["InProgress", "Failed", "Overridden"],
    InProgress: ["Successful", "Overridden", "Unfulfilled", "Failed"],
    Successful: [],
    Overridden: [],
    Unfulfilled: [],
    Failed: [],
  },
});
