/** Metrics in OTLP's JSON (https://opentelemetry.io/docs/specs/otlp/): cumulative, from the start on. */
import { type Family, type Sample, unitOf } from "../../telemetry/family.ts";

export interface OtlpSource {
  /** Attributes of all that is told. */
  readonly resource: Readonly<Record<string, string>>;
  readonly version: string;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
}

const CUMULATIVE = 2;
/** UCUM's names. */
const UNITS: Readonly<Record<string, string>> = { seconds: "s", bytes: "By", ratio: "1" };

/** The body of a request to `/v1/metrics`. */
export function otlpMetrics(families: readonly Family[], source: OtlpSource, now: number): object {
  const times = { startTimeUnixNano: nanoseconds(source.startedAt), timeUnixNano: nanoseconds(now) };
  const metrics = families
    .filter(({ samples }) => samples.length > 0)
    .map((family) => {
      const unit = unitOf(family.name);
      const about = { name: family.name, description: family.help, ...(unit && { unit: UNITS[unit] }) };
      return { ...about, ...told(family, times) };
    });
  return {
    resourceMetrics: [
      {
        resource: { attributes: attributesOf(source.resource) },
        scopeMetrics: [{ scope: { name: "tideway", version: source.version }, metrics }],
      },
    ],
  };
}

function told({ type, samples }: Family, times: object): object {
  const simple = () =>
    samples.map(({ labels, value }) => ({ attributes: attributesOf(labels), ...times, asDouble: value }));
  if (type === "gauge") return { gauge: { dataPoints: simple() } };
  const aggregationTemporality = CUMULATIVE;
  if (type === "counter") return { sum: { dataPoints: simple(), aggregationTemporality, isMonotonic: true } };
  const dataPoints = histograms(samples).map((point) => ({ ...point, ...times }));
  return { histogram: { dataPoints, aggregationTemporality } };
}

/** From buckets that hold those below them to buckets that do not. */
function histograms(samples: readonly Sample[]): object[] {
  const points: object[] = [];
  let explicitBounds: number[] = [];
  let bucketCounts: string[] = [];
  let below = 0;
  let sum = 0;
  for (const { suffix, labels, value } of samples) {
    if (suffix === "_bucket") {
      bucketCounts.push(String(Math.round(value - below)));
      below = value;
      if (labels["le"] !== "+Inf") explicitBounds.push(Number(labels["le"]));
    } else if (suffix === "_sum") sum = value;
    else {
      const count = String(Math.round(value));
      points.push({ attributes: attributesOf(labels), count, sum, bucketCounts, explicitBounds });
      explicitBounds = [];
      bucketCounts = [];
      below = 0;
    }
  }
  return points;
}

const attributesOf = (labels: Readonly<Record<string, string>>) =>
  Object.entries(labels).map(([key, stringValue]) => ({ key, value: { stringValue } }));

/** In protobuf's JSON, 64 bits are a text. */
const nanoseconds = (ms: number) => `${Math.round(ms)}000000`;
