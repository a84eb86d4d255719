/**
 * Where metrics are sent over OTLP, by OpenTelemetry's variables
 * (https://opentelemetry.io/docs/specs/otel/protocol/exporter/).
 */
import { refusedUrl } from "../../base/webhook.ts";

export interface OtlpSettings {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly intervalMs: number;
  /** What is told of the server with all that it sends. */
  readonly resource: Readonly<Record<string, string>>;
}

type Env = Readonly<Record<string, string | undefined>>;

const TIMEOUT_MS = 10_000;
const INTERVAL_MS = 60_000;
/** A timer can not wait for longer. */
const LONGEST_MS = 0x7fffffff;

/**
 * Undefined where no collector is named. Throws an Error with a sentence for what is not understood: nobody is helped by
 * metrics that are silently sent nowhere.
 */
export function otlpSettings(env: Env): OtlpSettings | undefined {
  if (env["OTEL_SDK_DISABLED"]?.toLowerCase() === "true") return undefined;
  const exporter = env["OTEL_METRICS_EXPORTER"] || "otlp";
  if (exporter === "none") return undefined;
  const base = env["OTEL_EXPORTER_OTLP_ENDPOINT"];
  const url =
    env["OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"] || (base && `${base.replace(/\/+$/, "")}/v1/metrics`);
  if (!url) return undefined;
  if (exporter !== "otlp")
    throw new Error(`OTEL_METRICS_EXPORTER must be otlp or none, not "${exporter.slice(0, 100)}".`);
  const refusal = refusedUrl(url);
  if (refusal !== undefined) throw new Error(`Metrics can not be sent to OTEL_EXPORTER_OTLP_*: ${refusal}.`);
  const of = (name: string) => env[`OTEL_EXPORTER_OTLP_METRICS_${name}`] || env[`OTEL_EXPORTER_OTLP_${name}`];
  const protocol = of("PROTOCOL") ?? "http/json";
  if (protocol !== "http/json")
    throw new Error(
      `OTEL_EXPORTER_OTLP_PROTOCOL must be http/json here, not "${protocol.slice(0, 100)}"; collectors take it where they take http/protobuf.`,
    );
  const attributes = pairs("OTEL_RESOURCE_ATTRIBUTES", env["OTEL_RESOURCE_ATTRIBUTES"]);
  return {
    url,
    headers: pairs("OTEL_EXPORTER_OTLP_HEADERS", of("HEADERS")),
    timeoutMs: milliseconds("OTEL_EXPORTER_OTLP_TIMEOUT", of("TIMEOUT"), TIMEOUT_MS),
    intervalMs: milliseconds("OTEL_METRIC_EXPORT_INTERVAL", env["OTEL_METRIC_EXPORT_INTERVAL"], INTERVAL_MS),
    resource: {
      ...attributes,
      "service.name": env["OTEL_SERVICE_NAME"] || attributes["service.name"] || "tideway",
    },
  };
}

function milliseconds(name: string, text: string | undefined, otherwise: number): number {
  if (!text) return otherwise;
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || value > LONGEST_MS)
    throw new Error(`${name} must be a whole number of milliseconds from 1 to ${LONGEST_MS}.`);
  return value;
}

/** `name=value,name=value`, with what can not stand there percent-encoded. Values may be secrets: errors do not hold them. */
function pairs(variable: string, text = ""): Record<string, string> {
  const found: Record<string, string> = {};
  for (const pair of text.split(",")) {
    if (pair.trim() === "") continue;
    const [, name = "", value = ""] = /^\s*([^=\s]+)\s*=\s*(.*?)\s*$/.exec(pair) ?? [];
    try {
      found[decodeURIComponent(name)] = decodeURIComponent(value);
    } catch {
      throw new Error(`${variable} is not well encoded.`);
    }
    if (name === "") throw new Error(`${variable} must be a list of name=value, with commas between.`);
  }
  return found;
}
