/** The operations of Application Auto Scaling. */
import type * as sdk from "@aws-sdk/client-application-auto-scaling";
import type { Context } from "../../wire/context.ts";
import type { Handlers } from "../../wire/service.ts";
import { activityOperations } from "./activities.ts";
import { policyOperations } from "./policies.ts";
import type { AutoscalingPorts } from "./ports.ts";
import { scheduledActionOperations } from "./scheduled-actions.ts";
import { targetOperations } from "./targets.ts";

export const autoscalingOperations = (ports: AutoscalingPorts): Handlers<typeof sdk, Context> => ({
  ...targetOperations(ports),
  ...policyOperations(ports),
  ...scheduledActionOperations(ports),
  ...activityOperations(ports),
});
