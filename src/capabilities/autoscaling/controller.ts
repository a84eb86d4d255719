/**
 * Brings each scalable target to the capacity that its bounds, its schedule and its policies ask for. Level-triggered:
 * it looks at which alarms are on, not at when they came on. What is about to be done is written first, so that after a
 * kill it is neither forgotten nor done twice.
 */
import type { Next } from "../../state/controller.ts";
import type { Resource } from "../../state/resource.ts";
import { Conflict } from "../../state/store.ts";
import { type Deployment, EndpointKind, type EndpointStatus } from "../hosting/kinds.ts";
import { beginActivity, endActivity, forgetActivities } from "./activities.ts";
import { decide, type Wish } from "./decide.ts";
import {
  ScalableTargetKind,
  type ScalableTargetSpec,
  type ScalableTargetStatus,
  ScalingActivityKind,
  ScalingPolicyKind,
  type ScalingPolicySpec,
  ScheduledActionKind,
} from "./kinds.ts";
import { ownedBy } from "./owned.ts";
import { keepAlarms } from "./policies.ts";
import type { AutoscalingPorts } from "./ports.ts";
import { capacityOf, endpointAndVariant, PROVISIONED_CONCURRENCY } from "./scalable.ts";
import { lastRun, nextRun, parseSchedule } from "./schedule.ts";
import type { Target } from "./targets.ts";
import { wishOf } from "./wishes.ts";

type Endpoint = Resource<Deployment, EndpointStatus>;
type Policy = Resource<ScalingPolicySpec, { readonly state: "Active" }>;

/** CloudWatch looks at alarms with a period of 10 s as often; at the others every minute. */
const FAST_LOOK_MS = 10_000;
const LOOK_MS = 60_000;

export function targetReconciler(ports: AutoscalingPorts) {
  const { store, clock, alarms, log } = ports;

  return async function reconcile(name: string): Promise<Next> {
    const target = await store.get(ScalableTargetKind, name);
    if (!target) return "done";
    try {
      return await step(target);
    } catch (error) {
      // another write came between the look and ours: look again
      if (error instanceof Conflict) return { afterMs: 0 };
      throw error;
    }
  };

  async function step(found: Target): Promise<Next> {
    const { target, nextAt } = await runSchedule(found);
    const policies = await ownedBy(store, ScalingPolicyKind, target.uid);
    for (const { arn, spec } of policies) await keepAlarms(ports, arn, spec);
    const next = lookAgain(policies, nextAt);
    const endpoint = await store.get(EndpointKind, endpointAndVariant(target.spec).endpoint);
    const capacity = capacityOf(target.spec, endpoint);
    // its controller's next change brings us back
    if (endpoint && endpoint.status.state !== "InService" && endpoint.status.state !== "Failed") return next;
    const settled = await settle(target, endpoint, capacity);
    if (!settled || capacity === undefined || endpoint!.status.state === "Failed") return next;
    await forgetActivities(ports, target.spec);
    const { min, max } = settled.spec;
    if (capacity < min) return scale(settled, capacity, min, `minimum capacity was set to ${min}`, next);
    if (capacity > max) return scale(settled, capacity, max, `maximum capacity was set to ${max}`, next);
    return follow(settled, capacity, policies, next);
  }

  /** What the policies whose alarms are on make of the capacity. */
  async function follow(
    target: Target,
    capacity: number,
    policies: readonly Policy[],
    next: Next,
  ): Promise<Next> {
    const { min, max, suspended } = target.spec;
    const { lastOut, lastIn, notScaled } = target.status;
    const decision = decide(
      {
        capacity,
        min,
        max,
        outSuspended: suspended.DynamicScalingOutSuspended ?? false,
        inSuspended: suspended.DynamicScalingInSuspended ?? false,
        lastOut,
        lastIn,
      },
      await wishes(policies),
      clock.now(),
    );
    if (decision.kind === "scale") {
      if (decision.capacity !== capacity)
        return scale(target, capacity, decision.capacity, decision.wish.cause, next);
    } else if (decision.kind === "not-scaled" && decision.code !== notScaled) {
      await store.update(ScalableTargetKind, target, {
        status: { ...target.status, notScaled: decision.code },
      });
      await beginActivity(ports, {
        resourceId: target.spec.resourceId,
        dimension: target.spec.dimension,
        description: `Attempting to scale due to alarm triggered`,
        cause: decision.wish.cause,
        notScaled: {
          Code: decision.code,
          CurrentCapacity: capacity,
          ...(decision.code === "AlreadyAtMaxCapacity" ? { MaxCapacity: max } : { MinCapacity: min }),
        },
      });
    }
    return next;
  }

  async function wishes(policies: readonly Policy[]): Promise<Wish[]> {
    const found: Wish[] = [];
    for (const { arn, spec } of policies)
      for (const alarm of await alarms.firing(arn))
        if (!spec.tracking || spec.alarms.includes(alarm.AlarmName!))
          found.push(wishOf(spec, alarm, await alarms.lastValue(alarm)));
    return found;
  }

  /** Bounds that the schedule asks for by now; of runs that were missed, the last of each action counts. */
  async function runSchedule(target: Target): Promise<{ target: Target; nextAt?: number }> {
    const now = clock.now();
    const actions = await ownedBy(store, ScheduledActionKind, target.uid);
    const due: { at: number; action: (typeof actions)[number] }[] = [];
    const upcoming: number[] = [];
    for (const action of actions) {
      const { schedule, ...bounds } = action.spec;
      const parsed = parseSchedule(schedule);
      const times = { ...bounds, createdAt: action.createdAt };
      const last = lastRun(parsed, times, action.status.doneUntil, now);
      const next = nextRun(parsed, times, now);
      if (last !== undefined) due.push({ at: last, action });
      if (next !== undefined) upcoming.push(next);
    }
    let latest = target;
    for (const { action } of due.toSorted((a, b) => a.at - b.at)) {
      if (!latest.spec.suspended.ScheduledScalingSuspended) latest = await applyBounds(latest, action.spec);
      await store.update(ScheduledActionKind, action, { status: { state: "Active", doneUntil: now } });
    }
    return { target: latest, ...(upcoming.length > 0 && { nextAt: Math.min(...upcoming) }) };
  }

  /** AWS lets the bound that an action names push the other one. */
  async function applyBounds(
    target: Target,
    { min, max, actionName }: { readonly min?: number; readonly max?: number; readonly actionName: string },
  ): Promise<Target> {
    const wanted: Pick<ScalableTargetSpec, "min" | "max"> = {
      min: min ?? Math.min(target.spec.min, max!),
      max: max ?? Math.max(target.spec.max, min!),
    };
    if (wanted.min === target.spec.min && wanted.max === target.spec.max) return target;
    const updated = await store.update(ScalableTargetKind, target, { spec: { ...target.spec, ...wanted } });
    const activity = await beginActivity(ports, {
      resourceId: target.spec.resourceId,
      dimension: target.spec.dimension,
      description: `Setting min capacity to ${wanted.min} and max capacity to ${wanted.max}`,
      cause: `scheduled action name ${actionName} was triggered`,
    });
    await endActivity(
      ports,
      activity,
      "Successful",
      `Successfully set min capacity to ${wanted.min} and max capacity to ${wanted.max}`,
    );
    return updated;
  }

  async function scale(target: Target, from: number, to: number, cause: string, next: Next): Promise<Next> {
    const { resourceId, dimension } = target.spec;
    const activity = await beginActivity(ports, {
      resourceId,
      dimension,
      description: `Setting ${noun(target)} to ${to}.`,
      cause,
      change: { from, to },
    });
    const change = { at: clock.now(), from, to };
    const { notScaled: _, ...before } = target.status;
    const status: ScalableTargetStatus = {
      ...before,
      activity,
      ...(to > from ? { lastOut: change } : { lastIn: change }),
    };
    const noted = await store.update(ScalableTargetKind, target, { status });
    await apply(noted, to);
    return next;
  }

  /** Asks for the capacity that is noted in the activity. */
  async function apply(target: Target, to: number): Promise<void> {
    const { endpoint, variant } = endpointAndVariant(target.spec);
    log.info("A variant is scaled.", { endpoint, variant, to });
    try {
      await ports.setCapacity(
        endpoint,
        variant,
        target.spec.dimension === PROVISIONED_CONCURRENCY
          ? { provisionedConcurrency: to }
          : { instanceCount: to },
      );
    } catch (error) {
      const now = await store.get(EndpointKind, endpoint);
      // somebody updates it at this moment: once that is done, it is asked again
      if (now && now.status.state !== "InService") return;
      await finish(target, "Failed", `Failed to set ${noun(target)} to ${to}: ${(error as Error).message}`);
    }
  }

  /** Ends the activity that is under way, or goes on with it. The target once nothing is under way. */
  async function settle(
    target: Target,
    endpoint: Endpoint | undefined,
    capacity: number | undefined,
  ): Promise<Target | undefined> {
    const { activity: name } = target.status;
    if (name === undefined) return target;
    const change = (await store.get(ScalingActivityKind, name))?.spec.change;
    if (!change) return finish(target, "Failed", "The record of this activity is gone.");
    const { from, to } = change;
    if (capacity === undefined) return finish(target, "Failed", "The variant is gone.");
    if (capacity === to && endpoint!.status.failureReason === undefined)
      return finish(
        target,
        "Successful",
        `Successfully set ${noun(target)} to ${to}. Change successfully fulfilled by sagemaker.`,
      );
    if (endpoint!.status.failureReason !== undefined)
      return finish(
        target,
        "Failed",
        `Failed to set ${noun(target)} to ${to}: ${endpoint!.status.failureReason}`,
      );
    if (capacity !== from)
      return finish(target, "Overridden", `Something else set ${noun(target)} to ${capacity} meanwhile.`);
    // it was noted, and then control was killed or the endpoint was being updated
    await apply(target, to);
    return undefined;
  }

  async function finish(
    target: Target,
    state: "Successful" | "Overridden" | "Failed",
    message: string,
  ): Promise<Target> {
    const { activity, ...status } = target.status;
    await endActivity(ports, activity!, state, message);
    return store.update(ScalableTargetKind, target, { status });
  }

  function lookAgain(policies: readonly Policy[], nextAt: number | undefined): Next {
    const fast = policies.some(({ spec }) =>
      spec.tracking?.PredefinedMetricSpecification?.PredefinedMetricType?.endsWith("HighResolution"),
    );
    const looks = [
      ...(policies.length > 0 ? [fast ? FAST_LOOK_MS : LOOK_MS] : []),
      // a timer can not be set for longer than a month
      ...(nextAt === undefined ? [] : [Math.min(Math.max(0, nextAt - clock.now()), 86_400_000)]),
    ];
    return looks.length > 0 ? { afterMs: Math.min(...looks) } : "done";
  }
}

const noun = ({ spec }: Target) =>
  spec.dimension === PROVISIONED_CONCURRENCY ? "desired provisioned concurrency" : "desired instance count";
