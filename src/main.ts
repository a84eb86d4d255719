/**
 * The composition root: builds the parts of each role and joins them. The roles are supervisor (owns the instance
 * processes), control (API, controllers, store) and gateway (sockets, data plane). They share one process here, and
 * meet only where processes could part them: an Engine, a RoutePublisher, and the requests that a gateway forwards.
 */
import { isIP } from "node:net";
import { fileURLToPath } from "node:url";
import type { Account } from "./base/arn.ts";
import { type Clock, systemClock } from "./base/clock.ts";
import { jsonLog, type Log } from "./base/log.ts";
import { moduleUrl } from "./base/module-url.ts";
import { packageVersion } from "./base/package-version.ts";
import { type Random, systemRandom } from "./base/random.ts";
import { rootCredentials } from "./base/root-credentials.ts";
import { endpointReconciler } from "./capabilities/hosting/controller.ts";
import { endpointOfFleet } from "./capabilities/hosting/fleets.ts";
import { EndpointKind } from "./capabilities/hosting/kinds.ts";
import { hostingOperations } from "./capabilities/hosting/operations.ts";
import { iamHandlers } from "./capabilities/iam/operations.ts";
import { platformApi } from "./capabilities/platform/api.ts";
import { ImageAliases } from "./capabilities/platform/image-aliases.ts";
import { s3Handlers } from "./capabilities/s3/operations.ts";
import { remoteS3Handlers } from "./capabilities/s3/remote-operations.ts";
import { stsHandlers } from "./capabilities/sts/operations.ts";
import { SessionCredentials } from "./capabilities/sts/session-credentials.ts";
import { ArtifactCache } from "./compute/artifact-cache.ts";
import type { Engine } from "./compute/engine.ts";
import type { Patience } from "./compute/process/instance.ts";
import { OWN_IMAGES } from "./compute/images.ts";
import { openProcessEngine } from "./compute/process/process-engine.ts";
import { createDataPlane } from "./dataplane/create-data-plane.ts";
import type { DataPlane } from "./dataplane/data-plane.ts";
import { InProcessPublisher } from "./dataplane/in-process-publisher.ts";
import type { RoutePublisher } from "./dataplane/routing-table.ts";
import { createGateway, type Gateway } from "./gateway/gateway.ts";
import { openDiskStore } from "./objects/disk/disk-store.ts";
import type { ObjectStore } from "./objects/object-store.ts";
import { openRemoteStore, remoteS3Client, type RemoteStoreOptions } from "./objects/remote/remote-store.ts";
import { type Implementations, services } from "./services.ts";
import { runController } from "./state/controller.ts";
import { type DataFolder, openDataFolder } from "./state/data-folder.ts";
import { openSqliteStore } from "./state/sqlite/sqlite-store.ts";
import type { ResourceStore } from "./state/store.ts";
import type { Credentials } from "./wire/credentials.ts";
import { createListener } from "./wire/listener.ts";
import { createDispatcher, type Dispatcher } from "./wire/server.ts";

export interface ServerOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly dataDir: string;
  readonly region: string;
  readonly accountId: string;
  readonly allowRemote: boolean;
  /** Host headers besides loopback's that requests may have. */
  readonly allowedHosts: readonly string[];
  /** How long DescribeEndpoint may hold its answer while an endpoint is in transition; 0 = not at all. */
  readonly describeHoldMs: number;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** JSON lines on stderr unless said otherwise. */
  readonly log?: Log;
  /** How patient the supervisor is with instances, where it is not as usual. */
  readonly patience?: Partial<Patience>;
}

export interface RunningServer extends AsyncDisposable {
  readonly url: string;
  readonly region: string;
  readonly accountId: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly dataDir: string;
}

/** What every part is handed. */
interface Ports {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly account: Account;
  readonly folder: DataFolder;
  readonly options: ServerOptions;
  /** Ends the process when what was acknowledged may be lost: going on would acknowledge more. */
  readonly fatal: (error: Error) => void;
}

/** How long a stopping server lets requests in flight go on. */
const DRAIN_MS = 30_000;

/** Starts a server, and resolves when it answers. Throws an Error with a sentence for what a user can mend. */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  refuseRemote(options);
  await using parts = new AsyncDisposableStack();
  const clock = systemClock;
  const random = systemRandom;
  const log = options.log ?? jsonLog((line) => process.stderr.write(line));
  const folder = parts.use(await openDataFolder(options.dataDir));
  const { region, accountId } = options;
  const fatal = (error: Error) => {
    log.error("The storage failed; the server ends, so that it promises nothing that it can not keep.", {
      error,
    });
    process.exit(74);
  };
  const ports: Ports = { clock, random, log, account: { region, accountId }, folder, options, fatal };

  const root = await rootCredentials(folder.path, random, options.env);
  const credentials = new SessionCredentials(root, accountId, { clock, random });
  const store = parts.use(openSqliteStore(folder.resolve("state.sqlite"), { clock, random, log, fatal }));
  const { objects, s3 } = await openObjects(ports, parts);
  const aliases = await ImageAliases.open(ports.account, store);
  const engine = parts.use(supervisor(ports, objects, aliases));
  const dataPlane = parts.use(createDataPlane({ clock, random, log }));
  const routes = new InProcessPublisher(dataPlane, clock);
  const implementations: Implementations = {
    sagemaker: hostingOperations({
      account: ports.account,
      store,
      objects,
      clock,
      describeHoldMs: options.describeHoldMs,
    }),
    runtime: {},
    s3,
    sts: stsHandlers(credentials),
    iam: iamHandlers(store, ports.account, random),
  };
  const dispatcher = await control(ports, { store, engine, routes, credentials, implementations }, parts);
  const gate = parts.use(gateway(ports, dataPlane, dispatcher, credentials));
  const platform = platformApi({
    account: ports.account,
    version: packageVersion(),
    store,
    engine,
    aliases,
    builtIn: OWN_IMAGES,
    credentials,
    allowedHosts: allowedHosts(options),
    clock,
    log,
  });

  const listener = parts.use(
    createListener(
      (message, reply) => (message.url?.startsWith("/_tideway/") ? platform : gate).handle(message, reply),
      { clock },
    ),
  );
  const { port } = await listener.listen(options.port, options.host).catch((error: unknown) => {
    throw listenFailure(error, options);
  });
  const owned = parts.move();
  return {
    url: `http://${isIP(options.host) === 6 ? `[${options.host}]` : options.host}:${port}`,
    region,
    accountId,
    ...root,
    dataDir: folder.path,
    async [Symbol.asyncDispose]() {
      await listener.drain(DRAIN_MS);
      await owned.disposeAsync();
    },
  };
}

/** Supervisor: starts and ends the processes of instances. */
function supervisor(
  { clock, random, log, account, folder, options }: Ports,
  objects: ObjectStore,
  aliases: ImageAliases,
): Engine {
  return openProcessEngine({
    dir: folder.resolve("instances"),
    artifacts: new ArtifactCache(folder.resolve("artifacts"), objects, { clock, random, log }),
    aliases,
    clock,
    random,
    log,
    region: account.region,
    nodePath: process.execPath,
    modelServerPath: fileURLToPath(moduleUrl(import.meta.url, "./model-server/main")),
    pythonPath: options.env["TIDEWAY_PYTHON"] ?? "python3",
    scriptServerPath: fileURLToPath(new URL("../python/tideway_script_server", import.meta.url)),
    env: options.env,
    ...(options.patience && { patience: options.patience }),
  });
}

interface ControlParts {
  readonly store: ResourceStore;
  readonly engine: Engine;
  readonly routes: RoutePublisher;
  readonly credentials: Credentials;
  readonly implementations: Implementations;
}

/** Control: the API, and the controllers that bring the world to what it was asked for. */
async function control(
  ports: Ports,
  { store, engine, routes, credentials, implementations }: ControlParts,
  parts: AsyncDisposableStack,
): Promise<Dispatcher> {
  const { clock, random, log, options } = ports;
  const reconcile = endpointReconciler({ store, engine, routes, clock, log });
  const controller = parts.use(await runController(store, EndpointKind, reconcile, { clock, random, log }));
  parts.defer(
    engine.watch((fleet) => {
      const endpoint = endpointOfFleet(fleet);
      if (endpoint !== undefined) controller.enqueue(endpoint);
    }),
  );
  const mounts = services(implementations).map(({ mount }) => mount);
  return createDispatcher({ mounts, credentials, clock, random, log, allowedHosts: allowedHosts(options) });
}

/** Gateway: invocations to the data plane, all else to control. */
function gateway(
  { clock, random, log, account, options }: Ports,
  dataPlane: DataPlane,
  dispatcher: Dispatcher,
  credentials: Credentials,
): Gateway {
  return createGateway({
    dataPlane,
    dispatcher,
    credentials,
    clock,
    random,
    log,
    account,
    allowedHosts: allowedHosts(options),
  });
}

/** Objects in the data folder, or on another S3 when the environment names one. */
async function openObjects(
  ports: Ports,
  parts: AsyncDisposableStack,
): Promise<{ objects: ObjectStore; s3: Implementations["s3"] }> {
  const { clock, random, log, account, folder, options, fatal } = ports;
  const remote = remoteStore(options);
  if (remote) {
    const client = parts.adopt(await remoteS3Client(remote), (client) => client.destroy());
    return { objects: parts.use(openRemoteStore({ ...remote, clock })), s3: remoteS3Handlers(client) };
  }
  const objects = parts.use(openDiskStore(folder.resolve("objects"), { clock, random, log, fatal }));
  return { objects, s3: s3Handlers(objects, account.region) };
}

/** `TIDEWAY_S3_ENDPOINT` puts the objects elsewhere; without a key of its own the SDK looks for one where it always does. */
function remoteStore({ env, region }: ServerOptions): RemoteStoreOptions | undefined {
  const endpoint = env["TIDEWAY_S3_ENDPOINT"];
  if (!endpoint) return undefined;
  if (!URL.canParse(endpoint))
    throw new Error(
      `TIDEWAY_S3_ENDPOINT must be an address such as https://s3.example.com, not ${endpoint}.`,
    );
  const accessKeyId = env["TIDEWAY_S3_ACCESS_KEY_ID"];
  const secretAccessKey = env["TIDEWAY_S3_SECRET_ACCESS_KEY"];
  if (Boolean(accessKeyId) !== Boolean(secretAccessKey))
    throw new Error(
      "TIDEWAY_S3_ACCESS_KEY_ID and TIDEWAY_S3_SECRET_ACCESS_KEY must be set together; only one of them is.",
    );
  return {
    endpoint,
    region: env["TIDEWAY_S3_REGION"] ?? region,
    forcePathStyle: env["TIDEWAY_S3_VIRTUAL_HOSTS"] !== "true",
    ...(accessKeyId && secretAccessKey && { credentials: { accessKeyId, secretAccessKey } }),
  };
}

function allowedHosts({ host, allowedHosts }: ServerOptions): readonly string[] {
  return [host, ...allowedHosts];
}

function refuseRemote({ host, allowRemote }: ServerOptions): void {
  const loopback = host === "localhost" || host === "::1" || host.startsWith("127.");
  if (!loopback && !allowRemote)
    throw new Error(
      `${host} can be reached from other machines. Add --allow-remote if that is meant, with TLS in front of it.`,
    );
}

function listenFailure(error: unknown, { host, port }: ServerOptions): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (code === "EADDRINUSE")
    return Object.assign(
      new Error(
        `Port ${port} is in use. Stop what uses it, or take another with --port (0 takes a free one).`,
      ),
      { code },
    );
  if (code === "EACCES")
    return new Error(
      `Port ${port} needs rights that this user does not have. Take one above 1023 with --port.`,
    );
  if (code === "EADDRNOTAVAIL" || code === "ENOTFOUND")
    return new Error(`This machine has no address ${host} to listen on.`);
  return error;
}
