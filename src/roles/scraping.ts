/** Joins what monitoring systems read, and are sent, to all that it tells of. */
import { everyAlarm } from "../capabilities/cloudwatch/every-alarm.ts";
import { endpointOfFleet } from "../capabilities/hosting/fleets.ts";
import { EndpointKind } from "../capabilities/hosting/kinds.ts";
import { MetricExporter } from "../capabilities/otel/metric-exporter.ts";
import { otlpSettings } from "../capabilities/otel/settings.ts";
import { type Live, type LiveFleet, liveFamilies } from "../capabilities/prometheus/live.ts";
import { measuredFamilies } from "../capabilities/prometheus/measured.ts";
import { type ScrapeTarget, scrapeTarget } from "../capabilities/prometheus/scrape.ts";
import type { Engine } from "../compute/engine.ts";
import { isServerlessType } from "../compute/instance-types.ts";
import type { ResourceStore } from "../state/store.ts";
import type { Family } from "../telemetry/family.ts";
import type { MetricTotals } from "../telemetry/metric-totals.ts";
import { allowedHosts, isLocal, metricsToken, type RolePorts } from "./settings.ts";

export interface ScrapingParts {
  readonly store: ResourceStore;
  readonly engine: Engine;
  readonly totals: MetricTotals;
  readonly version: string;
  readonly live: () => Pick<Live, "load" | "metrics">;
}

/** Answers `GET /metrics`, and sends the same to an OpenTelemetry collector where one is named. */
export function openScraping(
  { clock, log, settings }: RolePorts,
  { store, engine, totals, version, live }: ScrapingParts,
): ScrapeTarget & AsyncDisposable {
  const families = async (): Promise<Family[]> => {
    const endpoints = new Set((await store.names(EndpointKind)).map((name) => name.toLowerCase()));
    const fleets = [...endpointFleets(engine)];
    const alarms = { OK: 0, ALARM: 0, INSUFFICIENT_DATA: 0 };
    for await (const { status } of everyAlarm(store)) alarms[status.state]++;
    return [
      ...measuredFamilies(totals.all(), endpoints, clock.now()),
      ...liveFamilies({ ...live(), version, fleets, alarms }),
    ];
  };
  const target = scrapeTarget({
    local: isLocal(settings),
    token: metricsToken(settings),
    allowedHosts: allowedHosts(settings),
    log,
    families,
  });
  const otlp = otlpSettings(settings.env);
  const exporter = otlp && new MetricExporter({ settings: otlp, version, families, clock, log });
  return {
    handle: target.handle,
    async [Symbol.asyncDispose]() {
      await exporter?.[Symbol.asyncDispose]();
    },
  };
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
