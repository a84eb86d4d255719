/** Metrics in control: where all of them are kept, and what control itself measures. */
import { statfsSync } from "node:fs";
import { join } from "node:path";
import { ProcessUsage } from "../base/process-usage.ts";
import { jobOfFleet } from "../capabilities/batch-transform/job-fleet.ts";
import type { Engine, FleetSpec } from "../compute/engine.ts";
import { HostMetrics, type MeasuredHost } from "../compute/host-metrics.ts";
import { isServerlessType } from "../compute/instance-types.ts";
import { instanceUsage } from "../compute/isolation/instance-usage.ts";
import { limitsOf } from "../compute/isolation/limits.ts";
import { SetupTimes } from "../compute/setup-times.ts";
import { Concurrency, type Load } from "../dataplane/concurrency.ts";
import type { EndpointRoute } from "../dataplane/routing-table.ts";
import type { RequestMetrics } from "../dataplane/request-metrics.ts";
import { metricOf } from "../telemetry/metric.ts";
import { MetricOutbox } from "../telemetry/metric-outbox.ts";
import { ProcessMetrics } from "../telemetry/process-metrics.ts";
import { MetricStore } from "../telemetry/metric-store.ts";
import type { MetricSink, MetricStorage } from "../telemetry/metrics.ts";
import { startOf } from "../telemetry/retention.ts";
import { metricsBytes, type RolePorts } from "./settings.ts";
import { storageFailed } from "./storage-failed.ts";

/** Opened before gateways can connect: they hand over what they measured as soon as they do. */
export function openMetricStore({ clock, log, settings }: RolePorts): MetricStore {
  return MetricStore.open({
    file: join(settings.dataDir, "metrics.sqlite"),
    clock,
    log,
    fatal: storageFailed(log),
    maxBytes: metricsBytes(settings),
  });
}

export interface Metering extends AsyncDisposable {
  /** For all that control's parts measure. */
  readonly sink: MetricSink;
  /** An endpoint's route is this one from now on. */
  routed(endpoint: string, route: EndpointRoute | undefined): void;
}

export interface MeteringParts {
  readonly metrics: MetricStorage;
  readonly load: Load;
  readonly requests?: RequestMetrics;
}

/** Measures instances and their load each second or so. */
export function openMetering(
  { clock, random, log, settings }: RolePorts,
  { metrics, load, requests }: MeteringParts,
  engine: Engine,
): Metering {
  const concurrency = new Concurrency(load);
  const hosts = new HostMetrics({
    hosts: () => measuredHosts(engine, settings.limits),
    usage: instanceUsage,
    diskPercent: () => diskPercent(settings.dataDir),
  });
  const usage = new ProcessUsage();
  const processes = new ProcessMetrics(() => usage.look(), "control", "0");
  const outbox = new MetricOutbox({
    id: random.uuid(),
    send: (data, sender) => metrics.put(data, sender),
    collect: (outbox) => {
      const now = clock.now();
      // what was counted is of the second that has just ended
      requests?.collect(outbox, startOf(now, 1000) - 1);
      concurrency.collect(outbox, now);
      hosts.collect(outbox, now);
      processes.collect(outbox, now);
    },
    clock,
    log,
  });
  const setups = new SetupTimes(clock.now());
  const unwatch = engine.watch((fleet) => {
    const spec = engine.spec(fleet);
    for (const ms of setups.look(fleet, engine.status(fleet)))
      if (spec && isServerlessType(spec.instanceType))
        outbox.record(modelSetupTime(spec), "Microseconds", 1000 * ms);
  });
  return {
    sink: outbox,
    routed: (endpoint, route) => concurrency.routed(endpoint, route),
    async [Symbol.asyncDispose]() {
      unwatch();
      await outbox[Symbol.asyncDispose]();
      usage[Symbol.dispose]();
    },
  };
}

const modelSetupTime = ({ endpoint, variant }: FleetSpec) =>
  metricOf("AWS/SageMaker", "ModelSetupTime", [
    ["EndpointName", endpoint],
    ["VariantName", variant],
  ]);

function* measuredHosts(engine: Engine, override: RolePorts["settings"]["limits"]): Generator<MeasuredHost> {
  for (const { id: fleet, instances } of engine.fleets()) {
    const spec = engine.spec(fleet);
    if (!spec) continue;
    const limits = limitsOf(spec.instanceType, override);
    for (const { id, pid } of instances) if (pid !== undefined) yield { pid, limits, ...whose(spec, id) };
  }
}

/** As AWS has it: an instance of an endpoint is told of with its variant, and by itself; one of a job as a host. */
function whose({ id: fleet, endpoint, variant }: FleetSpec, instance: string) {
  if (jobOfFleet(fleet) !== undefined)
    return {
      namespace: "/aws/sagemaker/TransformJobs",
      dimensions: [{ Host: `${endpoint}/${instance}` }],
      withDisk: false,
    };
  const dimensions = { EndpointName: endpoint, VariantName: variant };
  return {
    namespace: "/aws/sagemaker/Endpoints",
    dimensions: [dimensions, { ...dimensions, InstanceId: instance }],
    withDisk: true,
  };
}

/** How much of what may be used of the disk is used. */
function diskPercent(folder: string): number {
  const { blocks, bfree, bavail } = statfsSync(folder);
  const used = blocks - bfree;
  return (100 * used) / (used + bavail);
}
