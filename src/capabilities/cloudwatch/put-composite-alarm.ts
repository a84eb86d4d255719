/** PutCompositeAlarm: a rule over alarms that exist, and that do not depend on it. */
import type * as sdk from "@aws-sdk/client-cloudwatch";
import type { ResourceStore } from "../../state/store.ts";
import type { Context } from "../../wire/context.ts";
import type { Handlers } from "../../wire/service.ts";
import type { AlarmOperationPorts } from "./alarm-ports.ts";
import { childrenOf, RuleError } from "./alarm-rule.ts";
import { alarmsNamed } from "./every-alarm.ts";
import { invalid, unsupported } from "./faults.ts";
import { alarmName, type CompositeAlarmSpec, ruleOf } from "./judge-composite.ts";
import { ALARM } from "./kinds.ts";
import { saveAlarm } from "./save-alarm.ts";

export function putCompositeAlarm(
  ports: AlarmOperationPorts,
): Pick<Handlers<typeof sdk, Context>, "PutCompositeAlarm"> {
  return {
    async PutCompositeAlarm({ Tags, ...input }) {
      const spec: CompositeAlarmSpec = { type: "composite", ...input };
      if (input.ActionConfiguration !== undefined)
        throw unsupported("ActionConfiguration", "other content of notifications");
      const children = childrenOfInput(spec);
      const missing = await missingOf(ports.store, children);
      if (missing.length)
        throw invalid(
          `Could not save the composite alarm as alarms [${missing.join(", ")}] in the alarm rule do not exist`,
        );
      await checkSuppressor(ports.store, spec);
      const cycle = await cycleFrom(ports.store, input.AlarmName, children);
      if (cycle)
        throw invalid(
          `Could not save the composite alarm as its rule would depend on itself: ${cycle.join(" -> ")}`,
        );
      await saveAlarm(ports, input.AlarmName, spec, Tags);
      return {};
    },
  };
}

function childrenOfInput(spec: CompositeAlarmSpec): string[] {
  try {
    return childrenOf(ruleOf(spec));
  } catch (error) {
    throw error instanceof RuleError
      ? invalid(`The parameter AlarmRule is invalid: ${error.message}`)
      : error;
  }
}

async function checkSuppressor(store: ResourceStore, spec: CompositeAlarmSpec): Promise<void> {
  const { AlarmName, ActionsSuppressor } = spec;
  for (const member of ["ActionsSuppressorWaitPeriod", "ActionsSuppressorExtensionPeriod"] as const) {
    const seconds = spec[member] ?? 0;
    if (!Number.isInteger(seconds) || seconds < 0)
      throw invalid(`The parameter ${member} must be a whole number of seconds, 0 or more.`);
    if ((spec[member] === undefined) !== (ActionsSuppressor === undefined))
      throw invalid(`The parameters ActionsSuppressor and ${member} must be specified together.`);
  }
  if (ActionsSuppressor === undefined) return;
  const name = alarmName(ActionsSuppressor);
  if (name === AlarmName || (await missingOf(store, [name])).length)
    throw invalid(
      `Could not save the composite alarm as the actions suppressor alarm ${ActionsSuppressor} does not exist`,
    );
}

async function missingOf(store: ResourceStore, names: readonly string[]): Promise<string[]> {
  const found = new Set((await alarmsNamed(store, names)).map(({ name }) => name));
  return names.filter((name) => !found.has(name));
}

/** The way from an alarm over those that it depends on back to it; undefined where there is none. */
async function cycleFrom(
  store: ResourceStore,
  name: string,
  children: readonly string[],
): Promise<string[] | undefined> {
  const seen = new Set<string>();
  const ways = children.map((child) => [name, child]);
  for (let way = ways.pop(); way; way = ways.pop()) {
    const last = way.at(-1)!;
    if (last === name) return way;
    if (seen.has(last)) continue;
    seen.add(last);
    const spec = (await store.get(ALARM, last))?.spec;
    if (spec?.type === "composite") for (const next of childrenOf(ruleOf(spec))) ways.push([...way, next]);
  }
  return undefined;
}
