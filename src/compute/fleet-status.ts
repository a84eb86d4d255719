/** What a fleet's status says, for whoever runs one: pure functions. */
import type { FleetFailure, FleetStatus } from "./engine.ts";

/** The instances that can be asked. */
export const readyInstances = (fleet: FleetStatus) =>
  fleet.instances.filter(({ phase, address }) => phase === "ready" && address);

const LONGEST_REASON = 1024;
const LONGEST_LINE = 200;

/** Why the container of somebody could not be started: what happened, the last log lines, in the 1,024 characters that FailureReason has. */
export function notStarted(whose: string, { message, logTail }: FleetFailure): string {
  const cause = /[.!?]$/.test(message) ? message : `${message}.`;
  const head = `The container for ${whose} could not be started: ${cause}`.slice(0, LONGEST_REASON);
  let room = LONGEST_REASON - head.length - " Last log lines: ".length;
  const lines: string[] = [];
  for (const line of logTail.toReversed()) {
    if (message.includes(line)) continue;
    const cut = line.slice(0, LONGEST_LINE);
    if ((room -= cut.length + 3) < 0) break;
    lines.unshift(cut);
  }
  return lines.length ? `${head} Last log lines: ${lines.join(" | ")}` : head;
}
