/** The process of control: its API on a unix socket for the gateways, its routes to them, its instances at the supervisor. */
import { chmodSync, rmSync } from "node:fs";
import { join } from "node:path";
import { WorkerScale } from "../capabilities/hosting/worker-scale.ts";
import { openRemoteProcessHost } from "../compute/process/remote-process-host.ts";
import { GatewayHub } from "../dataplane/gateway-hub.ts";
import { FORWARDED_LIMITS } from "../gateway/forward.ts";
import { HandoverServer } from "../gateway/handover.ts";
import { exclusiveLock } from "../state/data-folder.ts";
import { MetricTotals } from "../telemetry/metric-totals.ts";
import { createListener } from "../wire/listener.ts";
import { type Control, openControl } from "./control.ts";
import { openLocalEngine } from "./local-engine.ts";
import { openMetricStore } from "./metering.ts";
import type { RoleStart } from "./role-messages.ts";
import { runRole } from "./role.ts";
import { serverlessIdleMs } from "./settings.ts";

/** How long the control before this one may take to be gone: its supervisor was killed perhaps. */
const PREDECESSOR_MS = 10_000;

runRole<RoleStart>("tideway: control", async (start, { ports, supervisor }) => {
  await using parts = new AsyncDisposableStack();
  const { clock, log } = ports;
  parts.adopt(exclusiveLock(join(ports.settings.dataDir, "control.lock"), PREDECESSOR_MS), (lock) =>
    lock.close(),
  );
  const host = await openRemoteProcessHost({
    send: (message) => supervisor.send({ kind: "host", message }),
    onMessage: (listener) => supervisor.on("host", ({ message }) => listener(message)),
    // this process ends with its supervisor
    onClose: () => {},
  });
  const metrics = parts.use(openMetricStore(ports));
  const totals = new MetricTotals(metrics, clock);
  const scale = new WorkerScale(clock, serverlessIdleMs(ports.settings));
  let control: Control | undefined;
  const hub = parts.use(
    await GatewayHub.open({
      socketPath: start.routesSocket,
      file: start.routesFile,
      session: start.session,
      clock,
      log,
      onInstanceFailure: (instance) => control?.suspect(instance),
      onDemand: (fleet, workers) => scale.demand(fleet, workers),
      metrics: totals,
    }),
  );
  supervisor.on("gateways", ({ ids }) => hub.alive(ids));
  const opened = parts.use(
    await openControl(ports, {
      routes: hub,
      load: () => hub.load(),
      scale,
      metrics,
      totals,
      engine: async (objects, aliases) => openLocalEngine(ports, host, objects, aliases),
    }),
  );
  control = opened;
  supervisor.on("stopping", () => opened.endWaits());
  const listener = parts.use(
    createListener((message, reply) => opened.handle(message, reply), { clock, limits: FORWARDED_LIMITS }),
  );
  const handover = parts.use(new HandoverServer(opened, log));
  for (const path of [start.controlSocket, start.handoverSocket]) rmSync(path, { force: true });
  await handover.listen(start.handoverSocket);
  await listener.listenOn({ path: start.controlSocket });
  for (const path of [start.controlSocket, start.handoverSocket]) chmodSync(path, 0o600);
  const owned = parts.move();
  return { stop: () => owned.disposeAsync() };
});
