import type { Log } from "../../base/log.ts";
import type { Engine } from "../../compute/engine.ts";
import type { ResourceStore } from "../../state/store.ts";
import { endpointOfFleet, fleetPrefix } from "./fleets.ts";
import { EndpointKind } from "./kinds.ts";

/**
 * Stops the fleets that an engine took over and no endpoint of the store owns, as after the store was put back to an
 * earlier state. Those of an endpoint that is there are its controller's concern. Resolves with their ids while they stop.
 */
export async function stopOrphanFleets(
  store: ResourceStore,
  engine: Engine,
  log: Log,
): Promise<readonly string[]> {
  const orphans: string[] = [];
  for (const { id } of engine.fleets()) {
    const name = endpointOfFleet(id);
    const endpoint = name === undefined ? undefined : await store.get(EndpointKind, name);
    if (!endpoint || !id.startsWith(fleetPrefix(endpoint))) orphans.push(id);
  }
  if (orphans.length) log.warn("Stopping instances of endpoints that do not exist.", { fleets: orphans });
  for (const id of orphans)
    void engine
      .delete(id)
      .catch((error: unknown) => log.error("a fleet could not be stopped", { fleet: id, error }));
  return orphans;
}
