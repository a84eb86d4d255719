/** Control: the API, the store, the controllers that bring the world to what it was asked for, and their engine. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";
import { packageVersion } from "../base/package-version.ts";
import { RequestTable } from "../capabilities/async-inference/request-table.ts";
import { AsyncWorker } from "../capabilities/async-inference/worker.ts";
import { isTransformFleet, openBatchTransform } from "../capabilities/batch-transform/batch-transform.ts";
import { jobOfFleet } from "../capabilities/batch-transform/job-fleet.ts";
import { openEvents } from "../capabilities/events/events.ts";
import { endpointReconciler } from "../capabilities/hosting/controller.ts";
import { containerSpec } from "../capabilities/hosting/deployment-plan.ts";
import { endpointOfFleet } from "../capabilities/hosting/fleets.ts";
import { EndpointKind } from "../capabilities/hosting/kinds.ts";
import { findModel } from "../capabilities/hosting/model-operations.ts";
import { hostingOperations } from "../capabilities/hosting/operations.ts";
import { stopOrphanFleets } from "../capabilities/hosting/orphan-fleets.ts";
import { wakeEndpoint } from "../capabilities/hosting/wake-endpoint.ts";
import type { WorkerScale } from "../capabilities/hosting/worker-scale.ts";
import { openLogs } from "../capabilities/logs/logs.ts";
import { platformApi } from "../capabilities/platform/api.ts";
import { ImageAliases } from "../capabilities/platform/image-aliases.ts";
import { isScrape } from "../capabilities/prometheus/scrape.ts";
import { SNS_PATH } from "../capabilities/sns/envelope.ts";
import { createSns } from "../capabilities/sns/sns.ts";
import { Queues } from "../capabilities/sqs/queues.ts";
import { SessionCredentials } from "../capabilities/sts/session-credentials.ts";
import type { Engine } from "../compute/engine.ts";
import { OWN_IMAGES, type ImageAliases as Aliases } from "../compute/images.ts";
import { framedCaller } from "../dataplane/framed-call.ts";
import { instanceCaller } from "../dataplane/instance-call.ts";
import type { Load } from "../dataplane/concurrency.ts";
import type { RequestMetrics } from "../dataplane/request-metrics.ts";
import type { RoutePublisher } from "../dataplane/routing-table.ts";
import type { ObjectStore } from "../objects/object-store.ts";
import { services } from "../services.ts";
import { runController } from "../state/controller.ts";
import { openSqliteStore } from "../state/sqlite/sqlite-store.ts";
import type { MetricStore } from "../telemetry/metric-store.ts";
import type { MetricTotals } from "../telemetry/metric-totals.ts";
import { createDispatcher, type ProvenRequests } from "../wire/server.ts";
import { type Metering, openMetering } from "./metering.ts";
import { openObjects } from "./object-stores.ts";
import { openScraping } from "./scraping.ts";
import { openScaling } from "./scaling.ts";
import { accountOf, allowedHosts, type RolePorts } from "./settings.ts";
import { storageFailed } from "./storage-failed.ts";

/** What control can not make for itself. */
export interface ControlParts {
  /** What gateways say of serverless fleets goes here, from before control is open. */
  readonly scale: WorkerScale;
  readonly routes: RoutePublisher;
  /** How many requests gateways have in flight to each instance. */
  readonly load: Load;
  /** Where all metrics are kept, from before control is open. */
  readonly metrics: MetricStore;
  /** The way there, for what the server itself measures. */
  readonly totals: MetricTotals;
  /** The counts of a gateway in the same process. */
  readonly requests?: RequestMetrics;
  /** Makes the engine on these objects and names of images. */
  readonly engine: (objects: ObjectStore, aliases: Aliases) => Promise<Engine>;
}

export interface Control extends ProvenRequests, AsyncDisposable {
  /** Answers every request that is not an invocation. */
  handle(message: IncomingMessage, reply: ServerResponse): Promise<void>;
  /** A gateway saw this instance fail: it is looked at now. */
  suspect(instance: string): void;
  /** The server is about to stop: who only waits for a message is answered now. */
  endWaits(): void;
}

/** Opens the store and everything on it, and takes up what an earlier control left unfinished. */
export async function openControl(ports: RolePorts, given: ControlParts): Promise<Control> {
  await using parts = new AsyncDisposableStack();
  const { clock, random, log, settings, root } = ports;
  const account = accountOf(settings);
  const fatal = storageFailed(log);

  const credentials = new SessionCredentials(root, account.accountId, { clock, random });
  const file = join(settings.dataDir, "state.sqlite");
  const store = parts.use(openSqliteStore(file, { clock, random, log, fatal }));
  const { objects, s3 } = await openObjects(ports, fatal, parts);
  const messages = join(settings.dataDir, "messages.sqlite");
  const queues = parts.use(await Queues.open({ account, store, file: messages, clock, random, log, fatal }));
  const topics = parts.use(
    await createSns({ account, store, dataDir: settings.dataDir, queues, clock, random, log, fatal }),
  );
  const aliases = await ImageAliases.open(account, store);
  const engine = parts.use(await given.engine(objects, aliases));
  const { dataDir } = settings;
  const isJob = (fleet: string) => jobOfFleet(fleet) !== undefined;
  const logs = parts.use(openLogs({ account, engine, dataDir, isJob, clock, random, log, fatal }));
  const metering = parts.use(openMetering(ports, { ...given, metrics: given.totals }, engine));
  // What an earlier control left of endpoints that are gone. The others are their controller's.
  given.routes.prune(await store.names(EndpointKind));
  const stopping = new AbortController();
  parts.defer(() => stopping.abort());
  await stopOrphanFleets({
    store,
    engine,
    clock,
    log,
    isOthers: (fleet) => isTransformFleet(store, fleet),
    signal: stopping.signal,
  });

  const hosting = hostingOperations({
    account,
    store,
    objects,
    isolation: engine.isolation,
    clock,
    describeHoldMs: settings.describeHoldMs,
  });
  const requests = parts.use(new RequestTable(join(settings.dataDir, "async-inference.sqlite"), fatal));
  const worker = parts.use(
    await AsyncWorker.open({
      table: requests,
      store,
      objects,
      clock,
      random,
      log,
      region: account.region,
      publish: async (topic, message) => void (await topics.publish(topic, message)),
      wake: (endpoint) => wakeEndpoint(store, clock, endpoint),
      suspect: (instance) => engine.suspect(instance),
      call: framedCaller(instanceCaller(clock)),
      metrics: metering.sink,
    }),
  );
  const routes = routesTo(given.routes, worker, metering);
  const reconcile = endpointReconciler({ store, engine, routes, clock, log, scale: given.scale });
  const controller = parts.use(await runController(store, EndpointKind, reconcile, { clock, random, log }));
  const look = (fleet: string) => {
    const endpoint = endpointOfFleet(fleet);
    if (endpoint !== undefined) controller.enqueue(endpoint);
  };
  parts.defer(engine.watch(look));
  given.scale.watch(look);

  const transforms = parts.use(
    await openBatchTransform({
      account,
      store,
      engine,
      objects,
      clock,
      random,
      log,
      fatal,
      dataDir: settings.dataDir,
      describeHoldMs: settings.describeHoldMs,
      containerOf: async (model) => containerSpec((await findModel(account, store, model)).spec),
      call: instanceCaller(clock),
      metrics: metering.sink,
    }),
  );

  const { cloudwatch, autoscaling } = parts.use(
    await openScaling(
      {
        account,
        store,
        metrics: given.metrics,
        dataDir: settings.dataDir,
        publish: async (topic, message, subject) => void (await topics.publish(topic, message, subject)),
        clock,
        random,
        log,
        fatal,
      },
      hosting,
    ),
  );

  const events = parts.use(
    await openEvents({
      account,
      store,
      queues,
      publish: async (topic, message) => void (await topics.publish(topic, message)),
      dataDir: settings.dataDir,
      clock,
      random,
      log,
      fatal,
    }),
  );

  const mounts = services({
    sagemaker: async () => ({ ...hosting, ...transforms.operations }),
    runtime: async () =>
      (await import("../capabilities/async-inference/operations.ts")).asyncOperations({
        account,
        store,
        table: requests,
        clock,
        random,
        added: (endpoint) => worker.added(endpoint),
      }),
    s3,
    sts: async () => (await import("../capabilities/sts/operations.ts")).stsHandlers(credentials),
    iam: async () => (await import("../capabilities/iam/operations.ts")).iamHandlers(store, account, random),
    sns: async () => topics.handlers,
    sqs: async () => (await import("../capabilities/sqs/operations.ts")).sqsHandlers(queues, store),
    cloudwatch: () => cloudwatch.handlers(),
    autoscaling: async () => autoscaling.handlers,
    events: () => events.handlers(),
    logs: () => logs.handlers(),
  }).map(({ mount }) => mount);
  const hosts = allowedHosts(settings);
  const dispatcher = createDispatcher({ mounts, credentials, clock, random, log, allowedHosts: hosts });
  const platform = platformApi({
    account,
    version: packageVersion(),
    store,
    engine,
    aliases,
    builtIn: OWN_IMAGES,
    transformJob: (name) => transforms.describe(name),
    metrics: () => given.metrics.status(),
    credentials,
    allowedHosts: hosts,
    clock,
    log,
  });
  const scraping = parts.use(
    openScraping(ports, {
      store,
      engine,
      totals: given.totals,
      version: packageVersion(),
      live: () => ({ load: given.load(), metrics: given.metrics.status() }),
    }),
  );
  const owned = parts.move();
  return {
    handle: (message, reply) => {
      if (isScrape(message)) return scraping.handle(message, reply);
      if (message.url?.startsWith(SNS_PATH)) return topics.handle(message, reply);
      return (message.url?.startsWith("/_tideway/") ? platform : dispatcher).handle(message, reply);
    },
    answerProven: (request, caller) => dispatcher.answerProven(request, caller),
    suspect: (instance) => engine.suspect(instance),
    endWaits: () => {
      queues.endWaits();
      logs.endWaits();
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** The gateways get every route, and so does what serves asynchronous requests, and what measures. */
function routesTo(gateways: RoutePublisher, worker: AsyncWorker, metering: Metering): RoutePublisher {
  return {
    async publish(endpoint, route) {
      metering.routed(endpoint, route);
      await Promise.all([gateways.publish(endpoint, route), worker.routed(endpoint, route)]);
    },
    prune: (endpoints) => gateways.prune(endpoints),
    drained: async (fleet, deadlineMs) =>
      (await gateways.drained(fleet, deadlineMs)) + worker.inFlight(fleet),
  };
}
