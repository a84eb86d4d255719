/**
 * How many requests each instance has at once, over all gateways. Looked at each second, also while there are none: who
 * scales by it must see that. Of instances it is kept by 10 seconds; of serverless variants, whose workers have one
 * request each, by the minute.
 */
import { type Metric, metricOf } from "../telemetry/metric.ts";
import type { MetricOutbox } from "../telemetry/metric-outbox.ts";
import { pointOf } from "../telemetry/point.ts";
import { startOf } from "../telemetry/retention.ts";
import type { EndpointRoute, VariantRoute } from "./routing-table.ts";

/** How many requests are in flight to each instance that has any. */
export type Load = () => Readonly<Record<string, number>>;

interface Watched {
  readonly variant: VariantRoute;
  readonly metric: (name: string) => Metric;
}

const SPAN_MS = 10_000;

export class Concurrency {
  readonly #load: Load;
  readonly #endpoints = new Map<string, readonly Watched[]>();

  constructor(load: Load) {
    this.#load = load;
  }

  /** An endpoint's route is this one from now on. */
  routed(endpoint: string, route: EndpointRoute | undefined): void {
    const key = endpoint.toLowerCase();
    if (!route || route.asynchronous) return void this.#endpoints.delete(key);
    const watched = route.variants.map((variant) => ({
      variant,
      metric: (name: string) =>
        metricOf("AWS/SageMaker", name, [
          ["EndpointName", route.name],
          ["VariantName", variant.name],
        ]),
    }));
    this.#endpoints.set(key, watched);
  }

  collect(outbox: MetricOutbox, now: number): void {
    const load = this.#load();
    for (const variants of this.#endpoints.values())
      for (const { variant, metric } of variants)
        if (variant.serverless) workers(outbox, variant, metric, load, now);
        else
          for (const { id } of variant.instances)
            outbox.add(
              metric("ConcurrentRequestsPerModel"),
              "None",
              startOf(now, SPAN_MS),
              1,
              pointOf(load[id] ?? 0),
            );
  }
}

/** Serverless metrics: shares of 1. */
function workers(
  outbox: MetricOutbox,
  { serverless, instances }: VariantRoute,
  metric: Watched["metric"],
  load: ReturnType<Load>,
  now: number,
): void {
  const { maxConcurrency, provisionedConcurrency } = serverless!;
  const requests = instances.reduce((sum, { id }) => sum + (load[id] ?? 0), 0);
  const tell = (name: string, value: number) => outbox.add(metric(name), "None", now, 60, pointOf(value));
  tell("ServerlessConcurrentExecutionsUtilization", requests / maxConcurrency);
  if (provisionedConcurrency === undefined) return;
  tell("ServerlessProvisionedConcurrencyExecutions", Math.min(requests, provisionedConcurrency));
  tell("ServerlessProvisionedConcurrencyUtilization", requests / provisionedConcurrency);
}
