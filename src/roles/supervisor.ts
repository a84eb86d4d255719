/**
 * Supervisor: starts, watches and restarts control and the gateways, and owns the processes of instances, so that
 * these outlive a control that is killed. It reads no request and opens no store.
 */
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { systemClock } from "../base/clock.ts";
import { jsonLog } from "../base/log.ts";
import { moduleUrl } from "../base/module-url.ts";
import { systemRandom } from "../base/random.ts";
import { rootCredentials } from "../base/root-credentials.ts";
import { findSandbox, removeCgroups } from "../compute/isolation/isolation.ts";
import { openLocalProcessHost } from "../compute/process/local-process-host.ts";
import { serveProcessHost } from "../compute/process/serve-process-host.ts";
import { openDataFolder } from "../state/data-folder.ts";
import type { FromRole, RoleStart } from "./role-messages.ts";
import { RoleProcess } from "./role-process.ts";
import {
  DRAIN_MS,
  listenFailure,
  metricsBytes,
  refuseRemote,
  serverlessIdleMs,
  type RunningServer,
  type ServerSettings,
  urlOf,
  warmWorkers,
} from "./settings.ts";

/** Starts a server of several processes, and resolves when it answers. Throws an Error with a sentence for what a user can mend. */
export async function startProcesses(given: ServerSettings, gateways: number): Promise<RunningServer> {
  refuseRemote(given);
  // read by control, and refused before anything is started
  serverlessIdleMs(given);
  warmWorkers(given);
  metricsBytes(given);
  await findSandbox(given.sandbox ?? "auto", given.env["PATH"]);
  await using parts = new AsyncDisposableStack();
  const clock = systemClock;
  const random = systemRandom;
  const log = jsonLog((line) => process.stderr.write(line));
  const folder = parts.use(await openDataFolder(given.dataDir));
  const root = await rootCredentials(folder.path, random, given.env);
  parts.defer(() => removeCgroups(folder.path, clock));
  const host = parts.use(openLocalProcessHost({ dir: folder.resolve("instances"), clock, log }));
  const door = new Door(given, gateways > 1);
  const first = await door.open();
  const settings: ServerSettings = { ...given, dataDir: folder.path, port: door.port };
  const start: RoleStart = {
    settings,
    root,
    session: random.uuid(),
    controlSocket: join(host.runDir, "control"),
    handoverSocket: join(host.runDir, "handover"),
    routesSocket: join(host.runDir, "routes"),
    routesFile: folder.resolve("routes.json"),
  };

  const living = new Map<string, number>();
  const hostListeners = new Set<(message: object) => void>();
  const control = new RoleProcess({
    name: "control",
    module: moduleUrl(import.meta.url, "./control-process"),
    // an arena for each thread is for programs that allocate much at once; here it is 2 MB that nobody uses
    // objects wait for their fsyncs, of which a disk does many at once, in these threads
    env: { MALLOC_ARENA_MAX: "1", UV_THREADPOOL_SIZE: "16" },
    clock,
    log,
    start: async () => ({ message: { kind: "start", start } }),
    onChange: (pid) => {
      if (pid !== undefined) control.send({ kind: "gateways", ids: [...living.keys()] });
    },
    onMessage: (message: FromRole) => {
      if (message.kind === "host") for (const listener of hostListeners) listener(message.message);
    },
  });
  parts.defer(() => control.stop(0));
  serveProcessHost(host, {
    send: (message) => control.send({ kind: "host", message }),
    onMessage: (listener) => hostListeners.add(listener),
  });

  const doors = [first];
  const ids = Array.from({ length: gateways }, (_, index) => String(index));
  const all = ids.map(
    (gateway) =>
      new RoleProcess({
        name: `gateway ${gateway}`,
        module: moduleUrl(import.meta.url, "./gateway-process"),
        clock,
        log,
        start: async () => ({
          message: { kind: "start", start: { ...start, gateway } },
          socket: doors.pop() ?? (await door.open()),
        }),
        onChange: (pid) => {
          if (pid === undefined) living.delete(gateway);
          else living.set(gateway, pid);
          control.send({ kind: "gateways", ids: [...living.keys()] });
        },
      }),
  );
  parts.defer(async () => void (await Promise.all(all.map((gateway) => gateway.stop(0)))));

  await Promise.all([control.start(), ...all.map((gateway) => gateway.start())]);
  const owned = parts.move();
  return {
    url: urlOf(settings, door.port),
    region: settings.region,
    accountId: settings.accountId,
    ...root,
    dataDir: folder.path,
    async [Symbol.asyncDispose]() {
      control.send({ kind: "stopping" });
      // Requests in flight may need control and the instances: the gateways go first.
      await Promise.all(all.map((gateway) => gateway.stop(DRAIN_MS)));
      await owned.disposeAsync();
    },
  };
}

/** Where clients come in: opened here, so that a wrong address is told at once, and a gateway is given what listens. */
class Door {
  readonly #settings: ServerSettings;
  /** Whether several gateways listen side by side: the kernel then shares connections out among them. */
  readonly #shared: boolean;
  #ours = false;
  port: number;

  constructor(settings: ServerSettings, shared: boolean) {
    this.#settings = settings;
    this.#shared = shared;
    this.port = settings.port;
  }

  async open(): Promise<Server> {
    // Another server that shares its port would take half of the connections: so the first try is not to share.
    if (this.#shared && !this.#ours) {
      const probe = await this.#listen(false);
      this.port = portOf(probe);
      await new Promise((resolve) => probe.close(resolve));
      this.#ours = true;
    }
    const server = await this.#listen(this.#shared);
    this.port = portOf(server);
    return server;
  }

  async #listen(reusePort: boolean): Promise<Server> {
    const { host } = this.#settings;
    const server = createServer();
    try {
      await new Promise<void>((resolve, reject) => {
        server.once("error", reject);
        server.listen({ host, port: this.port, reusePort }, resolve);
      });
      return server;
    } catch (error) {
      throw listenFailure(error, this.#settings);
    }
  }
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("The server has no port.");
  return address.port;
}
