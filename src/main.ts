/**
 * A whole server in one process: control, a gateway and the host of the instances, joined without a network between
 * them. Tests start it; `tideway serve` runs the same roles as processes of their own (roles/supervisor.ts).
 */
import { join } from "node:path";
import { systemClock } from "./base/clock.ts";
import { jsonLog, type Log } from "./base/log.ts";
import { systemRandom } from "./base/random.ts";
import { rootCredentials } from "./base/root-credentials.ts";
import { WorkerScale } from "./capabilities/hosting/worker-scale.ts";
import type { Patience } from "./compute/process/instance.ts";
import { removeCgroups } from "./compute/isolation/isolation.ts";
import { openLocalProcessHost } from "./compute/process/local-process-host.ts";
import { createDataPlane } from "./dataplane/create-data-plane.ts";
import { InProcessPublisher } from "./dataplane/in-process-publisher.ts";
import { RequestMetrics } from "./dataplane/request-metrics.ts";
import { type Control, openControl } from "./roles/control.ts";
import { openGateway } from "./roles/gateway.ts";
import { openLocalEngine } from "./roles/local-engine.ts";
import { openMetricStore } from "./roles/metering.ts";
import {
  DRAIN_MS,
  listenFailure,
  refuseRemote,
  type RolePorts,
  type RunningServer,
  serverlessIdleMs,
  type ServerSettings,
  urlOf,
} from "./roles/settings.ts";
import { openDataFolder } from "./state/data-folder.ts";
import { MetricTotals } from "./telemetry/metric-totals.ts";
import { createListener } from "./wire/listener.ts";

export type { RunningServer } from "./roles/settings.ts";

export interface ServerOptions extends ServerSettings {
  /** JSON lines on stderr unless said otherwise. */
  readonly log?: Log;
  /** How patient the engine is with instances, where it is not as usual. */
  readonly patience?: Partial<Patience>;
}

/** Starts a server, and resolves when it answers. Throws an Error with a sentence for what a user can mend. */
export async function startServer({
  log: given,
  patience,
  ...settings
}: ServerOptions): Promise<RunningServer> {
  refuseRemote(settings);
  await using parts = new AsyncDisposableStack();
  const clock = systemClock;
  const random = systemRandom;
  const log = given ?? jsonLog((line) => process.stderr.write(line));
  const folder = parts.use(await openDataFolder(settings.dataDir));
  const { region, accountId, env } = settings;
  const root = await rootCredentials(folder.path, random, env);
  const ports: RolePorts = { clock, random, log, settings: { ...settings, dataDir: folder.path }, root };

  parts.defer(() => removeCgroups(folder.path, clock));
  const graceMs = patience?.graceMs;
  const host = parts.use(
    openLocalProcessHost({
      dir: join(folder.path, "instances"),
      clock,
      log,
      ...(graceMs !== undefined && { graceMs }),
    }),
  );
  let control: Control | undefined;
  const onInstanceFailure = (instance: string) => control?.suspect(instance);
  const scale = new WorkerScale(clock, serverlessIdleMs(ports.settings));
  const onDemand = (fleet: string, workers: number) => scale.demand(fleet, workers);
  const store = parts.use(openMetricStore(ports));
  const metrics = new RequestMetrics();
  const dataPlane = parts.use(createDataPlane({ clock, random, log, onInstanceFailure, onDemand, metrics }));
  control = parts.use(
    await openControl(ports, {
      routes: new InProcessPublisher(dataPlane, clock),
      load: () => dataPlane.load(),
      scale,
      metrics: store,
      totals: new MetricTotals(store, clock),
      requests: metrics,
      engine: async (objects, aliases) => openLocalEngine(ports, host, objects, aliases, patience),
    }),
  );
  const gateway = parts.use(openGateway(ports, dataPlane, control, control));
  const listener = parts.use(
    createListener((message, reply) => gateway.handle(message, reply), { clock, plain: gateway }),
  );
  const { port } = await listener.listen(settings.port, settings.host).catch((error: unknown) => {
    throw listenFailure(error, settings);
  });
  const owned = parts.move();
  return {
    url: urlOf(settings, port),
    region,
    accountId,
    ...root,
    dataDir: folder.path,
    async [Symbol.asyncDispose]() {
      control?.endWaits();
      await listener.drain(DRAIN_MS);
      await owned.disposeAsync();
    },
  };
}
