/** Joins `GET /metrics` to all that it tells of. */
import { everyAlarm } from "../capabilities/cloudwatch/every-alarm.ts";
import { endpointOfFleet } from "../capabilities/hosting/fleets.ts";
import { EndpointKind } from "../capabilities/hosting/kinds.ts";
import { type Live, type LiveFleet, liveFamilies } from "../capabilities/prometheus/live.ts";
import { measuredFamilies } from "../capabilities/prometheus/measured.ts";
import { scrapeTarget } from "../capabilities/prometheus/scrape.ts";
import type { Engine } from "../compute/engine.ts";
import { isServerlessType } from "../compute/instance-types.ts";
import type { ResourceStore } from "../state/store.ts";
import type { MetricTotals } from "../telemetry/metric-totals.ts";
import { allowedHosts, isLocal, metricsToken, type RolePorts } from "./settings.ts";

export interface ScrapingParts {
  readonly store: ResourceStore;
  readonly engine: Engine;
  readonly totals: MetricTotals;
  readonly live: () => Pick<Live, "version" | "load" | "metrics">;
}

export function openScraping(
  { clock, log, settings }: RolePorts,
  { store, engine, totals, live }: ScrapingParts,
) {
  return scrapeTarget({
    local: isLocal(settings),
    token: metricsToken(settings),
    allowedHosts: allowedHosts(settings),
    log,
    async families() {
      const endpoints = new Set((await store.names(EndpointKind)).map((name) => name.toLowerCase()));
      const fleets = [...endpointFleets(engine)];
      const alarms = { OK: 0, ALARM: 0, INSUFFICIENT_DATA: 0 };
      for await (const { status } of everyAlarm(store)) alarms[status.state]++;
      return [
        ...measuredFamilies(totals.all(), endpoints, clock.now()),
        ...liveFamilies({ ...live(), fleets, alarms }),
      ];
    },
  });
}

/** Those of transform jobs are not among them. */
function* endpointFleets(engine: Engine): Generator<LiveFleet> {
  for (const { id, desired, instances } of engine.fleets()) {
    const spec = engine.spec(id);
    if (!spec || endpointOfFleet(id) === undefined) continue;
    const { endpoint, variant, instanceType } = spec;
    yield { endpoint, variant, serverless: isServerlessType(instanceType), desired, instances };
  }
}
