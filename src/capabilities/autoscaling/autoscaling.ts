/** Application Auto Scaling as a whole: its operations, and the controller that scales. */
import type * as sdk from "@aws-sdk/client-application-auto-scaling";
import { runController } from "../../state/controller.ts";
import type { Context } from "../../wire/context.ts";
import type { Handlers } from "../../wire/service.ts";
import { EndpointKind } from "../hosting/kinds.ts";
import { targetReconciler } from "./controller.ts";
import { ScalableTargetKind, ScalingPolicyKind, ScheduledActionKind } from "./kinds.ts";
import { autoscalingOperations } from "./operations.ts";
import { targetOfOwned } from "./owned.ts";
import type { AutoscalingPorts } from "./ports.ts";

export interface Autoscaling extends AsyncDisposable {
  readonly handlers: Handlers<typeof sdk, Context>;
  /** An alarm came on that names this policy: its target is looked at now. False where there is no such policy. */
  alarmed(policyArn: string): Promise<boolean>;
}

export async function openAutoscaling(ports: AutoscalingPorts): Promise<Autoscaling> {
  const { store } = ports;
  await using parts = new AsyncDisposableStack();
  const controller = parts.use(
    await runController(store, ScalableTargetKind, targetReconciler(ports), ports),
  );
  parts.defer(
    store.watch(({ kind, name }) => {
      // what belongs to a target has its name in front
      if (kind === ScalingPolicyKind.name || kind === ScheduledActionKind.name)
        controller.enqueue(targetOfOwned(name));
      else if (kind === EndpointKind.name) void endpointChanged(name);
    }),
  );

  async function endpointChanged(endpoint: string): Promise<void> {
    const of = ` endpoint/${endpoint}/`.toLowerCase();
    for (const name of await store.names(ScalableTargetKind))
      if (name.toLowerCase().includes(of)) controller.enqueue(name);
  }

  const owned = parts.move();
  return {
    handlers: autoscalingOperations(ports),
    async alarmed(policyArn) {
      for (const name of await store.names(ScalingPolicyKind))
        if ((await store.get(ScalingPolicyKind, name))?.arn === policyArn) {
          controller.enqueue(targetOfOwned(name));
          return true;
        }
      return false;
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
