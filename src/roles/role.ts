/** What the processes of control and gateway have in common: they hear the supervisor, and end with it. */
import { systemClock } from "../base/clock.ts";
import { jsonLog } from "../base/log.ts";
import { systemRandom } from "../base/random.ts";
import { BEAT_MS, type FromRole, type RoleStart, type ToRole } from "./role-messages.ts";
import type { RolePorts } from "./settings.ts";

/** What a role makes of its start: called once. */
export type OpenRole<Start extends RoleStart> = (
  start: Start,
  role: { readonly ports: RolePorts; readonly socket: object | undefined; readonly supervisor: Supervisor },
) => Promise<{ readonly stop: () => Promise<void> }>;

/** The supervisor, as a role sees it. */
export interface Supervisor {
  send(message: FromRole): void;
  /** Hears all messages of one kind, those that came before too. One listener for each kind. */
  on<Kind extends ToRole["kind"]>(kind: Kind, listener: (message: ToRole & { kind: Kind }) => void): void;
}

/** Runs this process as a role. */
export function runRole<Start extends RoleStart>(title: string, open: OpenRole<Start>): void {
  process.title = title;
  // A terminal and service managers signal every process: the supervisor alone decides who ends when.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});
  process.once("disconnect", () => process.exit(0));
  // Nobody reads the log: no reason to end.
  process.stderr.on("error", () => {});

  const clock = systemClock;
  const listeners = new Map<string, (message: never) => void>();
  let waiting: ToRole[] = [];
  const supervisor: Supervisor = {
    send: (message) => void process.send?.(message, undefined, {}, () => {}),
    on(kind, listener) {
      listeners.set(kind, listener);
      const missed = waiting.filter((message) => message.kind === kind);
      waiting = waiting.filter((message) => message.kind !== kind);
      for (const message of missed) listener(message as never);
    },
  };
  const beat = () => {
    supervisor.send({ kind: "beat" });
    clock.after(BEAT_MS, beat);
  };

  let running: Promise<{ readonly stop: () => Promise<void> }> | undefined;
  const begin = async (start: Start, socket: object | undefined) => {
    const log = jsonLog((line) => process.stderr.write(line));
    const { settings, root } = start;
    const opened = await open(start, {
      ports: { clock, random: systemRandom, log, settings, root },
      socket,
      supervisor,
    });
    // What only the start needed goes back to the system, while nobody waits: a third of all, and it would stay for long.
    globalThis.gc?.({ type: "major", flavor: "last-resort" });
    supervisor.send({ kind: "ready" });
    beat();
    return opened;
  };
  process.on("message", (message: ToRole, socket?: object) => {
    if (message.kind === "start") {
      running = begin(message.start as Start, socket);
      running.catch((error: Error & { code?: unknown }) => {
        const { message, stack, code } = error;
        const known = !/^(Type|Range|Reference|Syntax)Error$/.test(error.name);
        supervisor.send({
          kind: "failed",
          message: known ? message : (stack ?? message),
          ...(typeof code === "string" && { code }),
        });
      });
    } else if (message.kind === "stop") void stop();
    else {
      const listener = listeners.get(message.kind);
      if (listener) listener(message as never);
      else waiting.push(message);
    }
  });

  const stop = async () => {
    await (await running)?.stop();
    process.exit(0);
  };
}
