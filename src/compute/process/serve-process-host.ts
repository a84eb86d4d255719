import { MARKS } from "../../base/instance-channel.ts";
import type { FromHost, HostChannel, ToHost } from "./host-messages.ts";
import type { HostedProcess, ProcessHost } from "./process-host.ts";

/**
 * Lets an engine in another process use this host (openRemoteProcessHost). Engines may follow one another on the same
 * channel, as control is restarted: each begins with `open`, and what an earlier one asked is answered to nobody.
 */
export function serveProcessHost(host: ProcessHost, channel: Pick<HostChannel, "send" | "onMessage">): void {
  let peer = 0;

  const teller = (to: number) => (message: FromHost) => {
    if (to === peer) channel.send(message);
  };
  const find = (id: string) => host.processes().find((process) => process.id === id);

  channel.onMessage((message) => {
    const asked = message as ToHost;
    if (asked.kind === "open") {
      const tell = teller((peer += 1));
      const processes = host.processes();
      tell({
        kind: "opened",
        runDir: host.runDir,
        processes: processes.map(({ id, pid, note, exit, mark }) => ({
          id,
          pid,
          note,
          ...(exit && { exit }),
          ...(mark && { mark }),
        })),
      });
      for (const process of processes) follow(process, tell);
    } else if (asked.kind === "start") void start(asked, teller(peer));
    else if (asked.kind === "stop") void find(asked.id)?.stop(asked.graceMs);
    else if (asked.kind === "annotate") find(asked.id)?.annotate(asked.note);
    else if (asked.kind === "assign") find(asked.id)?.assign(asked.assignment);
    else find(asked.id)?.forget();
  });

  async function start(
    { request, launch }: Extract<ToHost, { kind: "start" }>,
    tell: (message: FromHost) => void,
  ): Promise<void> {
    try {
      const process = await host.start(launch);
      tell({ kind: "started", request, pid: process.pid });
      follow(process, tell);
    } catch (error) {
      tell({ kind: "refused", request, message: error instanceof Error ? error.message : String(error) });
    }
  }
}

function follow(process: HostedProcess, tell: (message: FromHost) => void): void {
  const { id, ended, exited } = process;
  for (const mark of Object.values(MARKS))
    void process.reached(mark).then(() => tell({ kind: "reached", id, mark }));
  void ended.then((exit) => tell({ kind: "ended", id, exit }));
  void exited.then((end) => tell({ kind: "exited", id, end }));
}
