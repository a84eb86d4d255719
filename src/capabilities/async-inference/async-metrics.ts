/** What SageMaker measures of asynchronous endpoints. */
import type { EndpointRoute } from "../../dataplane/routing-table.ts";
import { metricOf } from "../../telemetry/metric.ts";
import type { MetricSink } from "../../telemetry/metrics.ts";
import { expired } from "./reasons.ts";
import type { AsyncRequest, Ending } from "./request.ts";

const NAMESPACE = "AWS/SageMaker";

/** The metrics of a variant, and their units. */
const UNITS = {
  TimeInBacklog: "Milliseconds",
  TotalProcessingTime: "Milliseconds",
  ModelLatency: "Microseconds",
  Invocation4XXErrors: "None",
  Invocation5XXErrors: "None",
  // AWS's guide writes it with three s
  InvocationsProcessed: "None",
  InvocationFailures: "None",
  ExpiredRequests: "None",
  RequestDownloadFailures: "None",
  ResponseUploadFailures: "None",
} as const;

/** Tells one value of a variant's metric. */
export type Measure = (name: keyof typeof UNITS, value: number) => void;

/** For the requests of an endpoint: none is told where nothing is routed, for their variant is not known then. */
export function measureTo(sink: MetricSink | undefined, route: EndpointRoute | undefined): Measure {
  const variant = route?.variants[0];
  if (!sink || !route || !variant) return () => {};
  const dimensions = [["EndpointName", route.name] as const, ["VariantName", variant.name] as const];
  return (name, value) => sink.record(metricOf(NAMESPACE, name, dimensions), UNITS[name], value);
}

/** How a request ended. */
export function measureEnd(measure: Measure, { receivedAt, ttlSeconds }: AsyncRequest, ending: Ending): void {
  const reason = ending.kind === "failed" ? ending.reason : undefined;
  const late = reason === expired(ttlSeconds);
  measure("TotalProcessingTime", ending.at - receivedAt);
  measure("InvocationsProcessed", 1);
  measure("InvocationFailures", reason === undefined ? 0 : 1);
  measure("ExpiredRequests", late ? 1 : 0);
}

/** The requests of an endpoint that have not ended. */
export interface Backlog {
  readonly requests: number;
  /** When the oldest of them came. */
  readonly oldestAt: number | undefined;
}

/** What waits for an endpoint, none included: who scales by it must see that. */
export function measureBacklog(
  sink: MetricSink,
  { name, variants }: EndpointRoute,
  { requests, oldestAt }: Backlog,
  now: number,
): void {
  const tell = (metric: string, unit: string, value: number) =>
    sink.record(metricOf(NAMESPACE, metric, [["EndpointName", name]]), unit, value);
  const instances = variants.reduce((sum, variant) => sum + variant.instances.length, 0);
  tell("ApproximateBacklogSize", "Count", requests);
  if (instances > 0) tell("ApproximateBacklogSizePerInstance", "Count", requests / instances);
  tell("ApproximateAgeOfOldestRequest", "Seconds", oldestAt === undefined ? 0 : (now - oldestAt) / 1000);
  tell("HasBacklogWithoutCapacity", "None", requests > 0 && instances === 0 ? 1 : 0);
}
