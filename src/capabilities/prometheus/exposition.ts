/** Prometheus' text format 0.0.4, and OpenMetrics 1.0: what a scrape is answered with. */
import { type Family, unitOf } from "../../telemetry/family.ts";

export const TEXT = "text/plain; version=0.0.4; charset=utf-8";
export const OPEN_METRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8";

export function exposition(families: Iterable<Family>, openMetrics: boolean): string {
  const lines: string[] = [];
  for (const { name, type, help, samples } of families) {
    const total = type === "counter" ? "_total" : "";
    const told = openMetrics ? name : name + total;
    lines.push(`# HELP ${told} ${help}`, `# TYPE ${told} ${type}`);
    const unit = unitOf(name);
    if (openMetrics && unit !== undefined) lines.push(`# UNIT ${told} ${unit}`);
    for (const { suffix = total, labels, value } of samples)
      lines.push(`${name}${suffix}${labelled(labels)} ${number(value)}`);
  }
  if (openMetrics) lines.push("# EOF");
  return `${lines.join("\n")}\n`;
}

/** As Go writes it. */
export function number(value: number): string {
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
}

function labelled(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return pairs.length ? `{${pairs.join(",")}}` : "";
}

const ESCAPES: Readonly<Record<string, string>> = { "\\": "\\\\", '"': '\\"', "\n": "\\n" };

const escaped = (value: string) => value.replace(/[\\"\n]/g, (character) => ESCAPES[character]!);
