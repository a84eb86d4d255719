/** What an alarm does when its state changes: by the ARN of the action, whoever can carry it out. */
import type { Account } from "../../base/arn.ts";
import { ServiceError } from "../../wire/service-error.ts";
import { type AlarmAction, alarmMessage, alarmSubject } from "./alarm-message.ts";
import type { AlarmSpec, AlarmState } from "./kinds.ts";

/** Publishes to a topic; durable there when it resolves. */
export type Publish = (topicArn: string, message: string, subject: string) => Promise<void>;

/** Carries out actions whose ARNs begin with its prefix, such as `arn:aws:autoscaling:`. */
export interface ActionRunner {
  readonly prefix: string;
  /**
   * Resolves when the action can not be lost any more. It may be run again for the same change when the process was
   * killed in between. Throws ActionRefused for what would never work; anything else is tried again, with growing pauses.
   */
  run(action: AlarmAction): Promise<void>;
}

/** The action can not be carried out, now or later; told in the history of the alarm. */
export class ActionRefused extends Error {
  override readonly name = "ActionRefused";
}

/** Tells a topic, in the words and the shape that CloudWatch tells it. */
export function topicRunner(account: Account, publish: Publish): ActionRunner {
  return {
    prefix: "arn:aws:sns:",
    async run(action) {
      try {
        await publish(action.arn, alarmMessage(action, account), alarmSubject(action, account));
      } catch (error) {
        throw error instanceof ServiceError ? new ActionRefused(error.message, { cause: error }) : error;
      }
    },
  };
}

/** The actions of an alarm for a state; none while they are switched off. */
export function actionsFor(spec: AlarmSpec, state: AlarmState): readonly string[] {
  if (spec.ActionsEnabled === false) return [];
  const { OKActions, AlarmActions, InsufficientDataActions } = spec;
  const actions = { OK: OKActions, ALARM: AlarmActions, INSUFFICIENT_DATA: InsufficientDataActions }[state];
  return [...new Set(actions)];
}
