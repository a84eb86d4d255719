import type { DescribeEndpointCommandOutput } from "@aws-sdk/client-sagemaker";
import type { Clock } from "../base/clock.ts";
import { sleep } from "../base/clock.ts";
import { CliError } from "./exit-codes.ts";
import { duration } from "./quantities.ts";
import { printable } from "./table.ts";
import type { Terminal } from "./terminal.ts";

/** An answer that comes so soon was not held. */
const NOT_HELD_MS = 10;
const PAUSE_MS = 50;

const MOVING = new Set(["Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"]);

/** Whether an endpoint is on its way to another state. */
export function isMoving(status: string | undefined): boolean {
  return MOVING.has(status ?? "");
}

/** The colour of a status. */
export function statusStyle(status: string | undefined): "green" | "red" | "yellow" {
  if (status === "InService") return "green";
  return isMoving(status) ? "yellow" : "red";
}

/** What an endpoint is doing: `Creating: AllTraffic 0 of 1 instances, Creating (downloading)`. */
export function phase(endpoint: Partial<DescribeEndpointCommandOutput>): string {
  const variants = endpoint.PendingDeploymentSummary?.ProductionVariants ?? endpoint.ProductionVariants ?? [];
  const parts = variants.map((variant) => {
    const { VariantName, VariantStatus, CurrentInstanceCount, DesiredInstanceCount } = variant;
    const last = VariantStatus?.at(-1);
    const doing = last?.Status
      ? `, ${last.Status}${last.StatusMessage ? ` (${printable(last.StatusMessage)})` : ""}`
      : "";
    if (variant.DesiredServerlessConfig) return `${VariantName} serverless${doing}`;
    return `${VariantName} ${CurrentInstanceCount ?? 0} of ${DesiredInstanceCount ?? "?"} instances${doing}`;
  });
  return `${endpoint.EndpointStatus}${parts.length > 0 ? `: ${parts.join("; ")}` : ""}`;
}

export interface Watch {
  readonly clock: Clock;
  readonly terminal: Terminal;
  /** From when times are told, by the clock's monotonic time. */
  readonly start: number;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/**
 * Shows each phase until the endpoint rests, and gives its last description. The server answers at each change; where
 * it does not hold its answers, it is asked twenty times a second.
 */
export async function watchPhases(
  describe: () => Promise<DescribeEndpointCommandOutput>,
  { clock, terminal, start, timeoutMs, signal }: Watch,
): Promise<DescribeEndpointCommandOutput> {
  const until = clock.monotonic() + timeoutMs;
  let shown = "";
  for (;;) {
    const askedAt = clock.monotonic();
    const stop = ticking(clock, () =>
      terminal.live(`${duration(clock.monotonic() - start).padStart(9)}  ${shown || "..."}`),
    );
    const endpoint = await describe().finally(stop);
    const elapsedMs = clock.monotonic() - start;
    const status = endpoint.EndpointStatus;
    const now = phase(endpoint);
    if (now !== shown) {
      shown = now;
      terminal.event("phase", { elapsedMs: Math.round(elapsedMs), status, phase: now });
      terminal.say(`${duration(elapsedMs).padStart(9)}  ${terminal.style(statusStyle(status), now)}`);
    }
    if (!isMoving(status)) return endpoint;
    if (clock.monotonic() > until)
      throw new CliError("timedOut", `The endpoint is still ${status} after ${duration(timeoutMs)}.`);
    if (clock.monotonic() - askedAt < NOT_HELD_MS) await sleep(clock, PAUSE_MS, signal);
  }
}

/** Calls back ten times a second, so that a person sees that something goes on. */
function ticking(clock: Clock, tick: () => void): () => void {
  let cancel = clock.after(100, function again() {
    tick();
    cancel = clock.after(100, again);
  });
  return () => cancel();
}
