/**
 * What SageMaker measures of invocations, counted where they are served: a few additions for each. Every second the
 * counts are added to the outbox, as AWS/SageMaker's metrics.
 */
import { type Metric, metricOf } from "../telemetry/metric.ts";
import type { MetricOutbox } from "../telemetry/metric-outbox.ts";
import { Accumulator } from "../telemetry/point.ts";

/** The metrics, and their units. */
const UNITS = {
  Invocations: "None",
  Invocation4XXErrors: "None",
  Invocation5XXErrors: "None",
  InvocationModelErrors: "None",
  InvocationsPerInstance: "None",
  ModelLatency: "Microseconds",
  OverheadLatency: "Microseconds",
  MidStreamErrors: "None",
  FirstChunkLatency: "Microseconds",
  FirstChunkModelLatency: "Microseconds",
  FirstChunkOverheadLatency: "Microseconds",
} as const;

type Name = keyof typeof UNITS;
const NAMES = Object.keys(UNITS) as Name[];

/** A variant that is not routed to any more may still be answering: for so many seconds its counts are asked for. */
const KEPT = 120;

/** The counts of all variants of a process. */
export class RequestMetrics {
  readonly #variants = new Map<string, VariantMetrics>();

  /** The counts of a variant, for as long as it is routed to; told apart by its configuration where one is given. */
  enter(endpoint: string, variant: string, config?: string): VariantMetrics {
    const key = JSON.stringify([endpoint.toLowerCase(), variant, config]);
    let metrics = this.#variants.get(key);
    if (!metrics) this.#variants.set(key, (metrics = new VariantMetrics(endpoint, variant, config)));
    metrics.users++;
    return metrics;
  }

  /** Adds what was counted since the last time, as of that time. */
  collect(outbox: MetricOutbox, at: number): void {
    for (const [key, metrics] of this.#variants) {
      metrics.collect(outbox, at);
      if (metrics.unused > KEPT) this.#variants.delete(key);
    }
  }
}

/** Times are given in milliseconds, as clocks tell them. */
export class VariantMetrics {
  /** How many variants of routes count here. */
  users = 0;
  /** For how many collections in a row there was none. */
  unused = 0;
  readonly #dimensions: readonly Readonly<Record<string, string>>[];
  readonly #metrics = new Map<Name, readonly Metric[]>();
  readonly #counts = newCounts();

  constructor(endpoint: string, variant: string, config: string | undefined) {
    const own = { EndpointName: endpoint, VariantName: variant };
    this.#dimensions = config === undefined ? [own] : [own, { ...own, EndpointConfigName: config }];
  }

  /** The model answered with this status, or not at all (0): all but 2XX are model errors. */
  answered(status: number, instances: number, modelMs: number, overheadMs: number): void {
    this.#invoked(status, status >= 200 && status < 300 ? 0 : 1);
    const counts = this.#counts;
    counts.InvocationsPerInstance.add(1 / (instances || 1));
    counts.ModelLatency.add(1000 * modelMs);
    counts.OverheadLatency.add(1000 * overheadMs);
  }

  /** The caller went away before there was an answer. */
  cancelled(instances: number): void {
    this.#invoked(0, 0);
    this.#counts.InvocationsPerInstance.add(1 / (instances || 1));
  }

  /** No instance saw it, for there was none, or too much to do; for its caller that is an error like the model's own. */
  refused(status: 400 | 503): void {
    this.#invoked(status, 0);
  }

  /** The first part of an answer that is passed on as it comes. */
  firstChunk(modelMs: number, overheadMs: number): void {
    const counts = this.#counts;
    counts.FirstChunkLatency.add(1000 * (modelMs + overheadMs));
    counts.FirstChunkModelLatency.add(1000 * modelMs);
    counts.FirstChunkOverheadLatency.add(1000 * overheadMs);
  }

  /** Such an answer ended, or broke off. */
  streamEnded(broken: boolean): void {
    this.#counts.MidStreamErrors.add(broken ? 1 : 0);
  }

  collect(outbox: MetricOutbox, at: number): void {
    this.unused = this.users === 0 ? this.unused + 1 : 0;
    const counts = this.#counts;
    for (const name of NAMES) {
      if (counts[name].count === 0) continue;
      for (const metric of this.#metricsOf(name)) outbox.add(metric, UNITS[name], at, 60, counts[name]);
      counts[name] = new Accumulator();
    }
  }

  #invoked(status: number, modelError: 0 | 1): void {
    const counts = this.#counts;
    counts.Invocations.add(1);
    counts.Invocation4XXErrors.add(status >= 400 && status < 500 ? 1 : 0);
    counts.Invocation5XXErrors.add(status >= 500 ? 1 : 0);
    counts.InvocationModelErrors.add(modelError);
  }

  #metricsOf(name: Name): readonly Metric[] {
    let metrics = this.#metrics.get(name);
    if (!metrics) {
      metrics = this.#dimensions.map((set) => metricOf("AWS/SageMaker", name, Object.entries(set)));
      this.#metrics.set(name, metrics);
    }
    return metrics;
  }
}

const newCounts = () =>
  Object.fromEntries(NAMES.map((name) => [name, new Accumulator()])) as Record<Name, Accumulator>;
