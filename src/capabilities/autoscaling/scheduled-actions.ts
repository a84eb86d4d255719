/** PutScheduledAction, DescribeScheduledActions, DeleteScheduledAction. */
import type * as sdk from "@aws-sdk/client-application-auto-scaling";
import type { Context } from "../../wire/context.ts";
import type { Handlers } from "../../wire/service.ts";
import { invalid, notFound } from "./errors.ts";
import { ScheduledActionKind, type ScheduledActionSpec } from "./kinds.ts";
import { ownedArn, ownedName, putOwned } from "./owned.ts";
import { pageOf } from "./pages.ts";
import type { AutoscalingPorts } from "./ports.ts";
import { type ScalableId, scalableId } from "./scalable.ts";
import { nextRun, parseSchedule, ScheduleError } from "./schedule.ts";
import { targetOf } from "./targets.ts";
import { isTimeZone } from "./time-zone.ts";

type Operations = Pick<
  Handlers<typeof sdk, Context>,
  "PutScheduledAction" | "DescribeScheduledActions" | "DeleteScheduledAction"
>;

export function scheduledActionOperations(ports: AutoscalingPorts): Operations {
  const { account, store, clock, random } = ports;

  return {
    async PutScheduledAction(request) {
      const id = scalableId(request);
      const target = await targetOf(ports, id);
      const name = ownedName(id, request.ScheduledActionName);
      const known = await store.get(ScheduledActionKind, name);
      const spec = actionOf(id, request, known?.spec);
      const now = clock.now();
      check(spec, known?.createdAt ?? now, now);
      const { ScheduledActionName: actionName } = request;
      await putOwned(
        store,
        ScheduledActionKind,
        known,
        {
          name,
          arn:
            known?.arn ??
            ownedArn(account, "scheduledAction", "scheduledActionName", random.uuid(), id, actionName),
          spec,
          status: { state: "Active", doneUntil: now },
          owner: target.uid,
        },
        `scheduled action ${actionName}`,
      );
      return {};
    },

    async DescribeScheduledActions({ ScheduledActionNames: names, ...filter }) {
      const { items, NextToken } = await pageOf(
        store,
        ScheduledActionKind,
        filter,
        ({ actionName }) => !names?.length || names.includes(actionName),
      );
      return {
        ScheduledActions: items.map(({ arn: ScheduledActionARN, createdAt, spec }) => ({
          ScheduledActionName: spec.actionName,
          ScheduledActionARN,
          ServiceNamespace: "sagemaker" as const,
          Schedule: spec.schedule,
          Timezone: spec.timeZone,
          ResourceId: spec.resourceId,
          ScalableDimension: spec.dimension,
          StartTime: spec.startsAt === undefined ? undefined : new Date(spec.startsAt),
          EndTime: spec.endsAt === undefined ? undefined : new Date(spec.endsAt),
          ScalableTargetAction: { MinCapacity: spec.min, MaxCapacity: spec.max },
          CreationTime: new Date(createdAt),
        })),
        NextToken,
      };
    },

    async DeleteScheduledAction(request) {
      const id = scalableId(request);
      const action = await store.get(ScheduledActionKind, ownedName(id, request.ScheduledActionName));
      if (!action) throw notFound("scheduled action", id, request.ScheduledActionName);
      await store.remove(ScheduledActionKind, action);
      return {};
    },
  };
}

/** What is to be there: what the request says, else what was there. */
function actionOf(
  id: ScalableId,
  request: sdk.PutScheduledActionRequest,
  known: ScheduledActionSpec | undefined,
): ScheduledActionSpec {
  const schedule = request.Schedule ?? known?.schedule;
  if (schedule === undefined) throw invalid("Schedule is required when a scheduled action is created.");
  const { MinCapacity: min = known?.min, MaxCapacity: max = known?.max } = request.ScalableTargetAction ?? {};
  const startsAt = request.StartTime?.getTime() ?? known?.startsAt;
  const endsAt = request.EndTime?.getTime() ?? known?.endsAt;
  return {
    ...id,
    actionName: request.ScheduledActionName!,
    schedule,
    timeZone: request.Timezone ?? known?.timeZone ?? "UTC",
    ...(startsAt !== undefined && { startsAt }),
    ...(endsAt !== undefined && { endsAt }),
    ...(min !== undefined && { min }),
    ...(max !== undefined && { max }),
  };
}

function check(spec: ScheduledActionSpec, createdAt: number, now: number): void {
  const { min, max, startsAt, endsAt, timeZone } = spec;
  if (min === undefined && max === undefined)
    throw invalid("ScalableTargetAction needs a MinCapacity, a MaxCapacity or both.");
  if ((min ?? 0) < 0 || (max ?? 0) < 0) throw invalid("MinCapacity and MaxCapacity must be at least 0.");
  if (min !== undefined && max !== undefined && max < min)
    throw invalid("Maximum capacity cannot be less than minimum capacity");
  if (!isTimeZone(timeZone)) throw invalid(`Timezone ${timeZone} is not the name of a time zone.`);
  if (startsAt !== undefined && endsAt !== undefined && endsAt <= startsAt)
    throw invalid("EndTime must be later than StartTime.");
  try {
    const schedule = parseSchedule(spec.schedule);
    if (nextRun(schedule, { timeZone, createdAt, startsAt, endsAt }, now) === undefined)
      throw invalid(`${spec.schedule} is never due from now on: the time is in the past, or after EndTime.`);
  } catch (error) {
    throw error instanceof ScheduleError ? invalid(error.message) : error;
  }
}
