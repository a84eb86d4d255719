/** Brings one input to one target. */
import type { Target } from "@aws-sdk/client-eventbridge";
import type { Clock } from "../../base/clock.ts";
import type { Attempt } from "../../base/webhook.ts";
import type { ResourceStore } from "../../state/store.ts";
import { Fault } from "../../wire/http.ts";
import { ServiceError } from "../../wire/service-error.ts";
import { callApiDestination } from "./call-api-destination.ts";
import { targetKind } from "./check-target.ts";
import type { Pace } from "./pace.ts";

/** What events are brought to inside this server. */
export interface TargetPorts {
  readonly store: ResourceStore;
  readonly queues: {
    /** Resolves once the message is in the queue for good, or with why it never will be. */
    offer(
      queueArn: string,
      body: string,
      attributes: Readonly<Record<string, { readonly type: string; readonly text: string }>>,
    ): Promise<string | undefined>;
  };
  /** Publishes to a topic; durable there when it resolves. */
  readonly publish: (topicArn: string, message: string) => Promise<void>;
  readonly clock: Clock;
  readonly pace: Pace;
}

export async function callTarget(
  ports: TargetPorts,
  target: Target,
  input: string,
  signal: AbortSignal,
): Promise<Attempt> {
  const { Arn = "" } = target;
  const kind = targetKind(Arn);
  if (kind === "api-destination") return callApiDestination(ports, target, input, signal);
  if (kind === "queue") {
    const reason = await ports.queues.offer(Arn, input, {});
    return reason === undefined ? { kind: "delivered" } : { kind: "refused", reason };
  }
  try {
    await ports.publish(Arn, input);
    return { kind: "delivered" };
  } catch (error) {
    if (error instanceof ServiceError || error instanceof Fault)
      return { kind: "refused", reason: error.message };
    throw error;
  }
}
