/**
 * ConcurrentRequestsPerModel: how many requests each instance has at once, over all gateways. Looked at each second and
 * kept by 10 seconds, also while there are none: who scales by it must see that.
 */
import { type Metric, metricOf } from "../telemetry/metric.ts";
import type { MetricOutbox } from "../telemetry/metric-outbox.ts";
import { pointOf } from "../telemetry/point.ts";
import { startOf } from "../telemetry/retention.ts";
import type { EndpointRoute } from "./routing-table.ts";

/** How many requests are in flight to each instance that has any. */
export type Load = () => Readonly<Record<string, number>>;

const SPAN_MS = 10_000;

export class Concurrency {
  readonly #load: Load;
  readonly #endpoints = new Map<string, readonly { metric: Metric; instances: readonly string[] }[]>();

  constructor(load: Load) {
    this.#load = load;
  }

  /** An endpoint's route is this one from now on. */
  routed(endpoint: string, route: EndpointRoute | undefined): void {
    const key = endpoint.toLowerCase();
    if (!route || route.asynchronous) return void this.#endpoints.delete(key);
    const variants = route.variants.filter(({ serverless }) => !serverless);
    this.#endpoints.set(
      key,
      variants.map(({ name, instances }) => ({
        metric: metricOf("AWS/SageMaker", "ConcurrentRequestsPerModel", [
          ["EndpointName", route.name],
          ["VariantName", name],
        ]),
        instances: instances.map(({ id }) => id),
      })),
    );
  }

  collect(outbox: MetricOutbox, now: number): void {
    const load = this.#load();
    const at = startOf(now, SPAN_MS);
    for (const variants of this.#endpoints.values())
      for (const { metric, instances } of variants)
        for (const id of instances) outbox.add(metric, "None", at, 1, pointOf(load[id] ?? 0));
  }
}
