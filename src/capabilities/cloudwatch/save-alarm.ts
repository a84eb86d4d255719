/** An alarm created, or written over: its state stays as it is then. */
import type { Tag } from "@aws-sdk/client-cloudwatch";
import { arn } from "../../base/arn.ts";
import { AlreadyExists } from "../../state/store.ts";
import type { AlarmOperationPorts } from "./alarm-ports.ts";
import { UNCHECKED } from "./alarm-reason.ts";
import { CloudWatchError, invalid, unsupported } from "./faults.ts";
import { configurationItem } from "./history-items.ts";
import { ALARM, type AlarmSpec } from "./kinds.ts";
import { tagsFrom } from "./tags.ts";
import { changeAlarm } from "./transition.ts";

const MOST_ALARMS = 5000;

/** Tags are for a new alarm only, as in CloudWatch. */
export async function saveAlarm(
  ports: AlarmOperationPorts,
  name: string,
  spec: AlarmSpec,
  tags: readonly Tag[] | undefined,
): Promise<void> {
  const { store, account, clock, history } = ports;
  if (/\p{Cc}/u.test(name)) throw invalid("The parameter AlarmName must not contain control characters.");
  checkActions(ports, spec);
  const wanted = tagsFrom(tags ?? []);
  const now = clock.now();
  if (!(await store.get(ALARM, name))) {
    if ((await store.names(ALARM)).length >= MOST_ALARMS)
      throw new CloudWatchError("LimitExceededFault", `There are ${MOST_ALARMS} alarms already.`);
    const times = { configuredAt: now, updatedAt: now, transitionedAt: now };
    try {
      const alarm = await store.create(ALARM, {
        name,
        arn: arn(account, "cloudwatch", `alarm:${name}`),
        spec,
        status: { state: "INSUFFICIENT_DATA", reason: UNCHECKED, ...times },
        tags: wanted,
      });
      await history.add(configurationItem("created", alarm, now));
      return;
    } catch (error) {
      if (!(error instanceof AlreadyExists)) throw error;
    }
  }
  const written = await changeAlarm(store, name, async (alarm) => {
    if (alarm.spec.type !== spec.type)
      throw invalid(`An alarm of another type has the name ${name} already.`);
    const { setWhile: _, ...status } = alarm.status;
    const saved = await store.update(ALARM, alarm, { spec, status: { ...status, configuredAt: now } });
    await history.add(configurationItem("updated", saved, now));
  });
  // somebody removed it in between: then it is a new one
  if (!written) await saveAlarm(ports, name, spec, tags);
}

/** Only actions that can be carried out are taken. */
function checkActions({ runners }: AlarmOperationPorts, spec: AlarmSpec): void {
  for (const member of ["OKActions", "AlarmActions", "InsufficientDataActions"] as const)
    for (const action of spec[member] ?? []) {
      if (!/^arn:aws[a-z-]*:[a-z0-9-]+:[a-z0-9-]*:[^:]*:.+$/.test(action))
        throw invalid(`Invalid arn syntax: ${action}`);
      if (!runners.some(({ prefix }) => action.startsWith(prefix)))
        throw unsupported(member, `the action ${action}`);
    }
}
