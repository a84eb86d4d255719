/** What was measured, under the names that Prometheus' users expect: base units, counters since the server's start. */
import { PROCESSES } from "../../telemetry/process-metrics.ts";
import { TIME_BOUNDS, type Total } from "../../telemetry/metric-totals.ts";
import type { Family, Sample } from "../../telemetry/family.ts";
import { number } from "./exposition.ts";

/** Where a family's samples come from: metrics of these names and of exactly these dimensions. */
interface Source {
  readonly namespace: string;
  readonly metric: string;
  readonly dimensions: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
  /** By which the values are multiplied. */
  readonly scale?: number;
}

interface Description extends Omit<Family, "samples"> {
  readonly from: readonly Source[];
}

const VARIANT = { EndpointName: "endpoint", VariantName: "variant" };
const INSTANCE = { ...VARIANT, InstanceId: "instance" };
const PROCESS = { Role: "role", Process: "process" };

const variant = (metric: string, labels?: Source["labels"]): Source => ({
  namespace: "AWS/SageMaker",
  metric,
  dimensions: VARIANT,
  ...(labels && { labels }),
});
const backlog = (metric: string): Source => ({
  ...variant(metric),
  dimensions: { EndpointName: "endpoint" },
});
const instance = (metric: string): Source => ({
  namespace: "/aws/sagemaker/Endpoints",
  metric,
  dimensions: INSTANCE,
  scale: 1 / 100,
});
const job = (metric: string, scale = 1): Source => ({
  namespace: "Tideway/TransformJobs",
  metric,
  dimensions: { TransformJobName: "job" },
  scale,
});
const process = (metric: string): Source => ({ namespace: PROCESSES, metric, dimensions: PROCESS });

const DESCRIPTIONS: readonly Description[] = [
  {
    name: "tideway_invocations",
    type: "counter",
    help: "Invocations of a variant, whatever became of them.",
    from: [variant("Invocations")],
  },
  {
    name: "tideway_invocation_errors",
    type: "counter",
    help: "Invocations that failed: answered with 4xx or 5xx, and those of them where the model failed (model).",
    from: [
      variant("Invocation4XXErrors", { kind: "4xx" }),
      variant("Invocation5XXErrors", { kind: "5xx" }),
      variant("InvocationModelErrors", { kind: "model" }),
    ],
  },
  {
    name: "tideway_broken_streams",
    type: "counter",
    help: "Response streams that broke off.",
    from: [variant("MidStreamErrors")],
  },
  {
    name: "tideway_model_latency_seconds",
    type: "histogram",
    help: "How long the model took.",
    from: [variant("ModelLatency")],
  },
  {
    name: "tideway_overhead_latency_seconds",
    type: "histogram",
    help: "How long an invocation took before the model had it.",
    from: [variant("OverheadLatency")],
  },
  {
    name: "tideway_first_chunk_latency_seconds",
    type: "histogram",
    help: "How long the first part of a response stream took.",
    from: [variant("FirstChunkLatency")],
  },
  {
    name: "tideway_model_setup_seconds",
    type: "histogram",
    help: "How long a new serverless worker took until it was ready.",
    from: [variant("ModelSetupTime")],
  },
  {
    name: "tideway_async_requests",
    type: "counter",
    help: "Asynchronous requests that ended, however.",
    from: [variant("InvocationsProcessed")],
  },
  {
    name: "tideway_async_failures",
    type: "counter",
    help: "Asynchronous requests that failed.",
    from: [variant("InvocationFailures")],
  },
  {
    name: "tideway_async_processing_seconds",
    type: "histogram",
    help: "How long asynchronous requests took, from their receipt to their end.",
    from: [variant("TotalProcessingTime")],
  },
  {
    name: "tideway_async_backlog_requests",
    type: "gauge",
    help: "Asynchronous requests that have not ended.",
    from: [backlog("ApproximateBacklogSize")],
  },
  {
    name: "tideway_async_oldest_request_age_seconds",
    type: "gauge",
    help: "For how long the oldest asynchronous request has waited.",
    from: [backlog("ApproximateAgeOfOldestRequest")],
  },
  {
    name: "tideway_instance_cpu_cores",
    type: "gauge",
    help: "How many CPU cores an instance uses.",
    from: [instance("CPUUtilization")],
  },
  {
    name: "tideway_instance_memory_ratio",
    type: "gauge",
    help: "How much of the memory that it may have an instance uses, 0 to 1.",
    from: [instance("MemoryUtilization")],
  },
  {
    name: "tideway_transform_job_done_ratio",
    type: "gauge",
    help: "How much of a transform job's input is done, 0 to 1.",
    from: [job("PercentDone", 1 / 100)],
  },
  {
    name: "tideway_transform_job_objects",
    type: "gauge",
    help: "Objects that a transform job is done with.",
    from: [job("ObjectsDone")],
  },
  {
    name: "tideway_transform_job_failed_objects",
    type: "gauge",
    help: "Objects that a transform job could not do.",
    from: [job("ObjectsFailed")],
  },
  {
    name: "tideway_transform_job_records_per_second",
    type: "gauge",
    help: "How fast a transform job is.",
    from: [job("RecordsPerSecond")],
  },
  {
    name: "tideway_process_resident_memory_bytes",
    type: "gauge",
    help: "Memory of a process of the server.",
    from: [process("ResidentMemory")],
  },
  {
    name: "tideway_process_cpu_seconds",
    type: "counter",
    help: "User and system time of a process of the server.",
    from: [process("CPUTime")],
  },
  {
    name: "tideway_process_event_loop_lag_seconds",
    type: "gauge",
    help: "What 99 of 100 timers of a process of the server were late by at most, in the last 10 seconds.",
    from: [process("EventLoopLag")],
  },
];

/** Some gauges are told each minute: what was not told for longer is gone. */
const STALE_MS = 150_000;
/** For so long the counts of an endpoint that is deleted are still to be read. */
const GONE_MS = 15 * 60_000;

/** `endpoints`: in lower case, those that there are. */
export function measuredFamilies(
  totals: Iterable<Total>,
  endpoints: ReadonlySet<string>,
  now: number,
): Family[] {
  const samples = new Map<Description, Sample[]>(DESCRIPTIONS.map((one) => [one, []]));
  for (const total of totals) {
    const { namespace, name, dimensions } = total.metric;
    const endpoint = dimensions.find(([key]) => key === "EndpointName")?.[1];
    const gone = endpoint !== undefined && !endpoints.has(endpoint.toLowerCase());
    if (gone && now - total.at > GONE_MS) continue;
    for (const [description, source] of SOURCES.get(`${namespace} ${name}`) ?? []) {
      if (dimensions.length !== Object.keys(source.dimensions).length) continue;
      const named = dimensions.map(([key, value]) => [source.dimensions[key], value] as const);
      if (named.some(([label]) => label === undefined)) continue;
      const labels = { ...Object.fromEntries(named), ...source.labels } as Record<string, string>;
      if (description.type === "gauge" && (gone || now - total.at > STALE_MS)) continue;
      for (const sample of samplesOf(description, total, labels, source.scale ?? 1))
        samples.get(description)!.push(sample);
    }
  }
  return DESCRIPTIONS.map((one) => ({
    name: one.name,
    type: one.type,
    help: one.help,
    samples: samples.get(one)!,
  }));
}

const SOURCES = new Map<string, (readonly [Description, Source])[]>();
for (const description of DESCRIPTIONS)
  for (const source of description.from) {
    const key = `${source.namespace} ${source.metric}`;
    SOURCES.set(key, [...(SOURCES.get(key) ?? []), [description, source]]);
  }

function samplesOf({ type }: Description, total: Total, labels: Sample["labels"], scale: number): Sample[] {
  if (type === "gauge") return [{ labels, value: total.last * scale }];
  if (type === "counter") return [{ labels, value: total.sum * scale }];
  const bucket = (bound: number, value: number): Sample => ({
    suffix: "_bucket",
    // OpenMetrics: a bound is written as a float
    labels: { ...labels, le: Number.isInteger(bound) ? `${bound}.0` : number(bound) },
    value,
  });
  return [
    ...TIME_BOUNDS.map((bound, at) => bucket(bound, total.within[at] ?? 0)),
    bucket(Infinity, total.count),
    { suffix: "_sum", labels, value: total.sum },
    { suffix: "_count", labels, value: total.count },
  ];
}
