/** What is so at the moment of the scrape: instances, requests in flight, alarms, the server itself. */
import type { InstanceStatus } from "../../compute/engine.ts";
import type { Family, Sample } from "../../telemetry/family.ts";
import type { MetricStorageStatus } from "../../telemetry/metrics.ts";

/** The instances of a variant; while it is being updated there are two of the same. */
export interface LiveFleet {
  readonly endpoint: string;
  readonly variant: string;
  readonly serverless: boolean;
  readonly desired: number;
  readonly instances: readonly InstanceStatus[];
}

export interface Live {
  readonly version: string;
  readonly fleets: readonly LiveFleet[];
  /** Requests in flight by instance. */
  readonly load: Readonly<Record<string, number>>;
  /** How many alarms are in each state. */
  readonly alarms: Readonly<Record<string, number>>;
  readonly metrics: MetricStorageStatus;
}

export function liveFamilies({ version, fleets, load, alarms, metrics }: Live): Family[] {
  const ready = ({ instances }: LiveFleet) => instances.filter(({ phase }) => phase === "ready").length;
  const inFlight = ({ instances }: LiveFleet) => instances.reduce((sum, { id }) => sum + (load[id] ?? 0), 0);
  const gauge = (name: string, help: string, samples: readonly Sample[]): Family => ({
    name,
    type: "gauge",
    help,
    samples,
  });
  return [
    gauge(
      "tideway_in_flight_requests",
      "Invocations that instances of a variant have now.",
      byVariant(fleets, inFlight),
    ),
    gauge(
      "tideway_instances_desired",
      "Instances or serverless workers that a variant should have.",
      byVariant(fleets, ({ desired }) => desired),
    ),
    gauge("tideway_instances_ready", "Those that can take requests.", byVariant(fleets, ready)),
    gauge(
      "tideway_serverless_workers",
      "Workers of serverless variants that can take requests.",
      byVariant(
        fleets.filter(({ serverless }) => serverless),
        ready,
      ),
    ),
    gauge(
      "tideway_alarms",
      "CloudWatch alarms by their state.",
      Object.entries(alarms).map(([state, value]) => ({ labels: { state }, value })),
    ),
    gauge("tideway_metric_series", "Metrics that are kept.", [{ labels: {}, value: metrics.series }]),
    gauge("tideway_metric_storage_bytes", "What metrics take on disk.", [
      { labels: {}, value: metrics.bytes },
    ]),
    gauge("tideway_build_info", "1; its labels tell what runs.", [
      { labels: { version, node: process.versions.node }, value: 1 },
    ]),
  ];
}

/** A value for each variant: the sum over its fleets. */
function byVariant(fleets: readonly LiveFleet[], value: (fleet: LiveFleet) => number): Sample[] {
  const found = new Map<string, { labels: { endpoint: string; variant: string }; value: number }>();
  for (const fleet of fleets) {
    const { endpoint, variant } = fleet;
    const key = `${endpoint}/${variant}`;
    const sample = found.get(key) ?? { labels: { endpoint, variant }, value: 0 };
    sample.value += value(fleet);
    found.set(key, sample);
  }
  return [...found.values()];
}
