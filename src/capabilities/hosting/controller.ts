/**
 * Brings each endpoint to what was last asked for. Level-triggered: reads everything afresh, takes the next step that
 * is missing, and may be called at any time, after a crash too; what must survive one is in the store.
 */
import type { Clock } from "../../base/clock.ts";
import type { Log } from "../../base/log.ts";
import type { Engine, FleetStatus, InstanceStatus } from "../../compute/engine.ts";
import { readyInstances } from "../../compute/fleet-status.ts";
import type { RoutePublisher } from "../../dataplane/routing-table.ts";
import type { Next } from "../../state/controller.ts";
import type { Resource } from "../../state/resource.ts";
import { Conflict, type ResourceStore } from "../../state/store.ts";
import {
  keptDigests,
  endpointRoute,
  fleetDigests,
  failureReason,
  fleetId,
  fleetPrefix,
  fleetSpec,
  variantProgress,
} from "./fleets.ts";
import { type Deployment, EndpointKind, type EndpointStatus, type VariantPlan } from "./kinds.ts";
import type { WorkerScale } from "./worker-scale.ts";

type Endpoint = Resource<Deployment, EndpointStatus>;

export interface EndpointControllerPorts {
  readonly store: ResourceStore;
  readonly engine: Engine;
  readonly routes: RoutePublisher;
  readonly clock: Clock;
  readonly log: Log;
  readonly scale: WorkerScale;
}

/** A request may take 60 s; a fleet that has one for longer is stopped all the same. */
const DRAIN_MS = 65_000;
/** An asynchronous one may take an hour; when its endpoint is deleted, nobody waits for it that long. */
const ASYNC_DRAIN_MS = 3_600_000 + DRAIN_MS;
/** Whether a drained fleet is idle is looked at often at first: most requests are short. */
const drainPollMs = (spentMs: number) => Math.min(1_000, Math.max(50, spentMs / 4));
const STOP_POLL_MS = 5_000;
/** How often to look whether a deadline has passed. */
const DEADLINE_POLL_MS = 1_000;
const RESTART_MS = 5_000;
/** How soon workers whose time came during a look are looked at again. */
const SURPLUS_MS = 100;
/** What an engine may take beyond the download and start-up times of the variants before an update is given up. */
const DEADLINE_SLACK_MS = 30_000;

export function endpointReconciler({ store, engine, routes, clock, log, scale }: EndpointControllerPorts) {
  const began = clock.now();
  /** Serverless fleets that were looked at since then. */
  const seen = new Set<string>();
  return async function reconcile(name: string): Promise<Next> {
    const endpoint = await store.get(EndpointKind, name);
    if (!endpoint) return "done";
    try {
      return await step(endpoint);
    } catch (error) {
      // Another write came between the look and ours: look again.
      if (error instanceof Conflict) return { afterMs: 0 };
      throw error;
    }
  };

  async function step(endpoint: Endpoint): Promise<Next> {
    switch (endpoint.status.state) {
      case "Deleting":
        return remove(endpoint);
      case "Failed":
        // It may have been routed to already when control was killed before it could write that it serves.
        await routes.publish(endpoint.name, undefined);
        return retire(endpoint, []);
      case "RollingBack":
        return settle(endpoint, await serve(endpoint, endpoint.status.live!), endpoint.status.failureReason);
      case "InService": {
        const served = await record(endpoint, await serve(endpoint, endpoint.spec));
        const retired = await retire(served, [endpoint.spec]);
        return (await restart(endpoint)) ? { afterMs: RESTART_MS } : sooner(retired, scaled(served));
      }
      default:
        return roll(endpoint);
    }
  }

  /** Creating and Updating, which end in time also when the engine refuses to be asked. */
  async function roll(endpoint: Endpoint): Promise<Next> {
    try {
      return await bringUp(endpoint);
    } catch (error) {
      if (error instanceof Conflict || !overdue(endpoint)) throw error;
      log.error("a deployment could not be brought up", { endpoint: endpoint.name, error });
      return turnBack(endpoint, `${late(endpoint)} The server's log says why.`);
    }
  }

  /** The deployment asked for comes up beside the one that serves, and takes over when it is whole. */
  async function bringUp(endpoint: Endpoint): Promise<Next> {
    const { spec, status } = endpoint;
    const replaced =
      status.live !== undefined && status.live.revision !== spec.revision ? status.live : undefined;
    if (replaced) await serve(endpoint, replaced);
    const fleets = await apply(endpoint, spec);
    if (status.live && !replaced)
      await routes.publish(endpoint.name, endpointRoute(endpoint, status.live, fleets));
    const failed = fleets.findIndex(({ failure }) => failure);
    if (failed >= 0) return turnBack(endpoint, failureReason(spec.variants[failed]!, fleets[failed]!));
    if (
      fleets.every((fleet, index) => readyInstances(fleet).length >= needed(endpoint, spec.variants[index]!))
    )
      return settle(endpoint, await route(endpoint, spec, fleets));
    if (overdue(endpoint)) return turnBack(endpoint, late(endpoint));
    await record(endpoint, {
      progress: progressOf(spec, fleets, false),
      digests: fleetDigests(status.digests, fleets),
    });
    return { afterMs: DEADLINE_POLL_MS };
  }

  /** Keeps a deployment's fleets running and its route true to them. */
  async function serve(endpoint: Endpoint, deployment: Deployment): Promise<Partial<EndpointStatus>> {
    return route(endpoint, deployment, await apply(endpoint, deployment));
  }

  /** Traffic goes to these fleets once this resolves; what is to be written of it. */
  async function route(
    endpoint: Endpoint,
    deployment: Deployment,
    fleets: readonly FleetStatus[],
  ): Promise<Partial<EndpointStatus>> {
    await routes.publish(endpoint.name, endpointRoute(endpoint, deployment, fleets));
    return {
      live: deployment,
      progress: progressOf(deployment, fleets, true),
      digests: fleetDigests(endpoint.status.digests, fleets),
    };
  }

  /**
   * The deployment serves: the endpoint is in service, and what it replaced is drained. One write says both, so that a
   * crash never leaves an endpoint that is live and yet may fail as if it had not been.
   */
  async function settle(endpoint: Endpoint, news: Partial<EndpointStatus>, reason?: string): Promise<Next> {
    const status: EndpointStatus = {
      ...endpoint.status,
      ...news,
      state: "InService",
      ...(reason !== undefined && { failureReason: reason }),
    };
    const settled = await store.update(EndpointKind, endpoint, {
      status,
      reason: reason ?? `Revision ${endpoint.spec.revision} serves.`,
    });
    return retire(settled, [settled.spec]);
  }

  /** What came up did not come up well. A first deployment fails; an update leaves what served before, as it was. */
  async function turnBack(endpoint: Endpoint, reason: string): Promise<Next> {
    const { live } = endpoint.status;
    log.warn("a deployment failed", { endpoint: endpoint.name, revision: endpoint.spec.revision, reason });
    if (!live) {
      await store.update(EndpointKind, endpoint, {
        status: { ...endpoint.status, state: "Failed", failureReason: reason },
        reason,
      });
      return "done";
    }
    const status: EndpointStatus = {
      ...endpoint.status,
      state: "RollingBack",
      failureReason: reason,
      progress: {},
    };
    await store.update(EndpointKind, endpoint, { spec: live, status, reason });
    return "done";
  }

  /** Fleets that serve but could not be started, after a restart of the server say, are started afresh. */
  async function restart(endpoint: Endpoint): Promise<boolean> {
    const failed = fleetsOf(endpoint).filter(({ failure }) => failure);
    for (const { id, failure } of failed) {
      log.warn("a fleet in service could not be started", { fleet: id, reason: failure!.message });
      await engine.delete(id);
      scale.forget(id);
    }
    return failed.length > 0;
  }

  /** Stops every fleet of the endpoint that none of these deployments needs, once its last request is answered. */
  async function retire(endpoint: Endpoint, kept: readonly Deployment[]): Promise<Next> {
    const needed = new Set(
      kept.flatMap((deployment) =>
        deployment.variants.map((variant) => fleetId(endpoint, deployment, variant)),
      ),
    );
    const unneeded = fleetsOf(endpoint).filter(({ id }) => !needed.has(id));
    const draining: Record<string, number> = {};
    const { live, state } = endpoint.status;
    const drainMs = live?.asyncInference && state !== "Deleting" ? ASYNC_DRAIN_MS : DRAIN_MS;
    // An engine that fails to stop a fleet is asked again.
    let lookAfterMs = STOP_POLL_MS;
    for (const { id } of unneeded) {
      const since = (draining[id] = endpoint.status.draining[id] ?? clock.now());
      const inFlight = await routes.drained(id, 0);
      const spent = clock.now() - since;
      if (inFlight > 0 && spent < drainMs) lookAfterMs = Math.min(lookAfterMs, drainPollMs(spent));
      else {
        scale.forget(id);
        seen.delete(id);
        void engine
          .delete(id)
          .catch((error: unknown) => log.error("a fleet could not be stopped", { fleet: id, error }));
      }
    }
    const digests = keptDigests(endpoint.status.digests, needed);
    await record(endpoint, { draining, digests });
    return unneeded.length > 0 ? { afterMs: lookAfterMs } : "done";
  }

  async function remove(endpoint: Endpoint): Promise<Next> {
    await routes.publish(endpoint.name, undefined);
    const next = await retire(endpoint, []);
    if (fleetsOf(endpoint).length > 0) return next === "done" ? { afterMs: STOP_POLL_MS } : next;
    const latest = await store.get(EndpointKind, endpoint.name);
    if (latest) await store.remove(EndpointKind, latest);
    return "done";
  }

  /** A server that was down for long gives what it finds in progress its whole time again. */
  function overdue({ spec, status }: Endpoint): boolean {
    return clock.now() > Math.max(status.since, began) + deadline(spec);
  }

  function apply(endpoint: Endpoint, deployment: Deployment): Promise<FleetStatus[]> {
    return Promise.all(
      deployment.variants.map((variant) =>
        engine.apply(fleetSpec(endpoint, deployment, variant, desired(endpoint, deployment, variant))),
      ),
    );
  }

  /** How many instances there should be now. */
  function desired(endpoint: Endpoint, deployment: Deployment, variant: VariantPlan): number {
    if (!variant.serverless) return variant.instanceCount;
    const id = fleetId(endpoint, deployment, variant);
    // what an earlier control started was needed by somebody, as far as is known
    if (!seen.has(id)) scale.use(id, engine.status(id)?.instances.filter(isKept).length ?? 0);
    seen.add(id);
    if (!proven(endpoint, deployment)) scale.use(id, variant.instanceCount);
    return scale.wanted(id, variant.serverless).workers;
  }

  /** When idle workers of an endpoint in service are to be stopped. */
  function scaled(endpoint: Endpoint): Next {
    const changes = endpoint.spec.variants.flatMap((variant) => {
      if (!variant.serverless) return [];
      const id = fleetId(endpoint, endpoint.spec, variant);
      const { workers, changesAt } = scale.wanted(id, variant.serverless);
      // their time may have come after it was decided how many there should be
      const surplus = (engine.status(id)?.desired ?? 0) > workers;
      return surplus ? clock.monotonic() + SURPLUS_MS : (changesAt ?? []);
    });
    return changes.length ? { afterMs: Math.max(0, Math.min(...changes) - clock.monotonic()) } : "done";
  }

  function fleetsOf(endpoint: Endpoint): readonly FleetStatus[] {
    return engine.fleets().filter(({ id }) => id.startsWith(fleetPrefix(endpoint)));
  }

  /** Writes what is new of the status, and only then: a write that changes nothing would call the controller again. */
  async function record(endpoint: Endpoint, news: Partial<EndpointStatus>): Promise<Endpoint> {
    const status = { ...endpoint.status, ...news };
    if (JSON.stringify(status) === JSON.stringify(endpoint.status)) return endpoint;
    return store.update(EndpointKind, endpoint, { status });
  }
}

/** Whether the deployment has served: its model can be started, and need not be there all the time. */
const proven = ({ status }: Endpoint, { revision }: Deployment) => status.live?.revision === revision;

/** How many instances must be ready for the deployment asked for to serve. */
const needed = (endpoint: Endpoint, { serverless, instanceCount }: VariantPlan) =>
  serverless && proven(endpoint, endpoint.spec) ? serverless.provisionedConcurrency : instanceCount;

const isKept = ({ phase }: InstanceStatus) => phase !== "stopping" && phase !== "exited";

const sooner = (a: Next, b: Next): Next => {
  if (a === "done" || b === "done") return a === "done" ? b : a;
  return a.afterMs < b.afterMs ? a : b;
};

const deadline = ({ variants }: Deployment) =>
  Math.max(
    ...variants.map(({ downloadTimeoutMs, startupTimeoutMs }) => downloadTimeoutMs + startupTimeoutMs),
  ) + DEADLINE_SLACK_MS;

const late = ({ spec }: Endpoint) =>
  `The instances were not ready after ${Math.round(deadline(spec) / 1000)} s.`;

/** Of workers that come and go while they serve nothing is written: that would be a write for each. */
const progressOf = ({ variants }: Deployment, fleets: readonly FleetStatus[], serving: boolean) =>
  Object.fromEntries(
    variants.map((variant, index) => {
      const progress = variantProgress(variant, fleets[index]!);
      const { message: _, ...resolved } = progress;
      return [variant.name, serving && variant.serverless ? { ...resolved, ready: 0 } : progress];
    }),
  );
