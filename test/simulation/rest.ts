import { fleetId } from "../../src/capabilities/hosting/fleets.ts";
import { describe } from "./observer.ts";
import type { World } from "./world.ts";

/** What must be when nothing has gone wrong or been asked for since long. */
export function judgeRest(world: World, writes: number, reconciles: number): void {
  const { observer, machine, gateways } = world;
  const { must } = world.chronicle.bound;
  const wanted = new Map<string, { serverless: boolean; count: number }>();
  for (const [key, endpoint] of observer.endpoints) {
    const { state, failureReason, live } = endpoint.status;
    must(
      "every endpoint comes to rest",
      state === "InService" || state === "Failed",
      () => `${key} is ${state} since ${endpoint.updatedAt}`,
    );
    if (state === "Failed")
      must("a failure has its reason", (failureReason ?? "").length > 20, () => `${key}: ${failureReason}`);
    if (state !== "InService") continue;
    must(
      "what serves is what is asked for",
      JSON.stringify(live) === JSON.stringify(endpoint.spec),
      () => `${key}: ${JSON.stringify(endpoint.spec)}, live ${JSON.stringify(live)}`,
    );
    for (const variant of endpoint.spec.variants) {
      const { serverless, instanceCount } = variant;
      const count = serverless ? serverless.provisionedConcurrency : instanceCount;
      wanted.set(fleetId(endpoint, endpoint.spec, variant), { serverless: serverless !== undefined, count });
    }
  }

  const running = Map.groupBy(machine.processes.values(), ({ note }) => note.spec.id);
  for (const fleet of running.keys())
    must("no fleet is left over", wanted.has(fleet), () => `${fleet} runs and is not needed`);
  for (const [fleet, { serverless, count }] of wanted) {
    const processes = running.get(fleet) ?? [];
    must(
      serverless
        ? "without requests there are the workers that are provisioned"
        : "every fleet in service is whole",
      processes.length === count && processes.every(({ listening }) => listening),
      () => `${fleet} has ${processes.length} of ${count} instances`,
    );
  }

  for (const gateway of gateways) {
    for (const [key, endpoint] of observer.endpoints) {
      const route = gateway.table.get(key);
      const { state } = endpoint.status;
      must(
        "the routing table says what the store says",
        state === "InService"
          ? route !== undefined &&
              route.variants.length === endpoint.spec.variants.length &&
              endpoint.spec.variants.every((variant, index) => {
                const routed = route.variants[index]!;
                const fleet = fleetId(endpoint, endpoint.spec, variant);
                const paths = routed.instances.map(({ address }) => ("path" in address ? address.path : ""));
                const processes = (running.get(fleet) ?? []).map(({ pid }) => `/run/${pid}`);
                return (
                  routed.name === variant.name &&
                  routed.weight === variant.weight &&
                  routed.fleet === fleet &&
                  isSame(paths, processes)
                );
              })
          : route === undefined,
        () => `${key} is ${state} at gateway ${gateway.id}: ${describe(route)}`,
      );
    }
    for (const key of gateway.table.keys())
      must(
        "no route is left over",
        observer.endpoints.has(key),
        () => `gateway ${gateway.id} routes ${key}, which is not there`,
      );
  }
  must("at rest nothing is written", writes === 0, () => `${writes} writes`);
  must("at rest nothing is looked at", reconciles === 0, () => `${reconciles} reconciles`);
}

const isSame = (some: readonly string[], others: readonly string[]) =>
  some.length === others.length && new Set([...some, ...others]).size === some.length;
