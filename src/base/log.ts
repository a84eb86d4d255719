import { systemClock, type Clock } from "./clock.ts";

/** One line per event: a sentence and its facts. Bodies of requests are never logged. */
export interface Log {
  info(message: string, facts?: Record<string, unknown>): void;
  warn(message: string, facts?: Record<string, unknown>): void;
  error(message: string, facts?: Record<string, unknown>): void;
}

/** JSON lines, so that no value can forge a line of its own. */
export function jsonLog(write: (line: string) => void, clock: Clock = systemClock): Log {
  const level =
    (level: string) =>
    (message: string, facts: Record<string, unknown> = {}) => {
      write(
        `${JSON.stringify({ time: new Date(clock.now()).toISOString(), level, message, ...plain(facts) })}\n`,
      );
    };
  return { info: level("info"), warn: level("warn"), error: level("error") };
}

export const silentLog: Log = { info() {}, warn() {}, error() {} };

function plain(facts: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(facts).map(([name, value]) => [
      name,
      value instanceof Error ? (value.stack ?? value.message) : value,
    ]),
  );
}
