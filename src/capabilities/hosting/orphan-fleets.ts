import { sleep, type Clock } from "../../base/clock.ts";
import type { Log } from "../../base/log.ts";
import type { Engine } from "../../compute/engine.ts";
import type { ResourceStore } from "../../state/store.ts";
import { endpointOfFleet, fleetPrefix } from "./fleets.ts";
import { EndpointKind } from "./kinds.ts";

export interface OrphanFleetsPorts {
  readonly store: ResourceStore;
  readonly engine: Engine;
  readonly clock: Clock;
  readonly log: Log;
  /** Whether somebody else's fleets are these: no endpoint's, and no orphan. */
  readonly isOthers: (fleet: string) => Promise<boolean>;
  /** Ends the tries. */
  readonly signal: AbortSignal;
}

/** How soon an engine that failed to stop a fleet is asked again. */
const STOP_AGAIN_MS = 5000;

/**
 * Stops the fleets that an engine took over and no endpoint of the store owns, as after the store was put back to an
 * earlier state. Those of an endpoint that is there are its controller's concern. Resolves with their ids while they stop.
 */
export async function stopOrphanFleets(ports: OrphanFleetsPorts): Promise<readonly string[]> {
  const { store, engine, log, isOthers } = ports;
  const orphans: string[] = [];
  for (const { id } of engine.fleets()) {
    const name = endpointOfFleet(id);
    const endpoint = name === undefined ? undefined : await store.get(EndpointKind, name);
    if (endpoint && id.startsWith(fleetPrefix(endpoint))) continue;
    if (!(await isOthers(id))) orphans.push(id);
  }
  if (orphans.length) log.warn("Stopping instances of endpoints that do not exist.", { fleets: orphans });
  for (const id of orphans) void stop(id, ports);
  return orphans;
}

async function stop(id: string, { engine, clock, log, signal }: OrphanFleetsPorts): Promise<void> {
  while (!signal.aborted)
    try {
      return await engine.delete(id);
    } catch (error) {
      log.error("a fleet could not be stopped", { fleet: id, error });
      await sleep(clock, STOP_AGAIN_MS, signal).catch(() => {});
    }
}
