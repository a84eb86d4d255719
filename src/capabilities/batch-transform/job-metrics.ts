/** How far jobs are, as metrics of Tideway's own: AWS has none. */
import { metricOf } from "../../telemetry/metric.ts";
import type { MetricSink } from "../../telemetry/metrics.ts";
import type { Progress } from "./progress.ts";

const NAMESPACE = "Tideway/TransformJobs";

/** Tells what is true of a job now. */
export function recordProgress(sink: MetricSink, job: string, progress: Progress): void {
  const { objects, percent, recordsPerSecond, bytesPerSecond, secondsLeft } = progress;
  const tell = (name: string, unit: string, value: number | undefined) => {
    if (value !== undefined) sink.record(metricOf(NAMESPACE, name, [["TransformJobName", job]]), unit, value);
  };
  tell("PercentDone", "Percent", percent);
  tell("ObjectsDone", "Count", objects.done);
  tell("ObjectsFailed", "Count", objects.failed);
  tell("RecordsPerSecond", "Count/Second", recordsPerSecond);
  tell("BytesPerSecond", "Bytes/Second", bytesPerSecond);
  tell("SecondsLeft", "Seconds", secondsLeft);
}
