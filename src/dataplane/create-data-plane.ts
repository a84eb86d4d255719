/** The data plane of one process: endpoint -> variant -> instance -> slot -> answer. */
import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import { Call, type CallTools, type Limits } from "./call.ts";
import type { DataPlane, Invocation } from "./data-plane.ts";
import { Deadlines } from "./deadlines.ts";
import { FramedLink } from "./framed-link.ts";
import { HttpLink, KEEP_ALIVE_MS } from "./http-link.ts";
import { pickInstance } from "./instance-picker.ts";
import type { Outcome } from "./outcome.ts";
import { type OnInstanceFailure, Routes } from "./routes.ts";
import { pickVariant, variantNamed } from "./variant-picker.ts";

export interface DataPlaneOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly limits?: Partial<Limits>;
  readonly onInstanceFailure?: OnInstanceFailure;
}

const LIMITS: Limits = { responseBytes: 6_291_456, streamIdleMs: 60_000, messageBytes: 16_384 };

/** A data plane that talks to its instances in frames where they understand them, and HTTP/1.1 to all others. */
export function createDataPlane({
  clock,
  random,
  log,
  limits,
  onInstanceFailure,
}: DataPlaneOptions): DataPlane {
  const deadlines = new Deadlines(clock);
  const routes = new Routes((address) =>
    address.kind === "unix" && address.framesPath !== undefined
      ? new FramedLink(address.framesPath)
      : new HttpLink(address, deadlines.after(KEEP_ALIVE_MS)),
  );
  const tools: CallTools = {
    clock,
    random,
    log,
    deadlines,
    limits: { ...LIMITS, ...limits },
    onInstanceFailure: onInstanceFailure ?? (() => {}),
  };

  function call(invocation: Invocation, streaming: boolean): Promise<Outcome<never>> | Outcome<never> {
    const endpoint = routes.find(invocation.endpoint);
    if (!endpoint) return { kind: "unknown-endpoint", endpoint: invocation.endpoint };
    const { targetVariant } = invocation;
    const variant = targetVariant
      ? variantNamed(endpoint.variants, targetVariant)
      : pickVariant(endpoint.variants, random.number());
    if (!variant) {
      return targetVariant
        ? { kind: "unknown-variant", endpoint: endpoint.name, variant: targetVariant }
        : noCapacity(endpoint.name, "no variant has a weight above 0");
    }
    const instance = pickInstance(variant.instances, variant.routing, clock.monotonic(), random.number());
    if (!instance) return noCapacity(endpoint.name, `variant ${variant.name} has no instance that is ready`);
    if (endpoint.load.outstanding >= endpoint.maxOutstanding)
      return { kind: "overloaded", endpoint: endpoint.name };
    if (invocation.signal.aborted) return { kind: "cancelled" };
    return new Promise((resolve) => {
      new Call(tools, invocation, endpoint, variant, instance, streaming, resolve as never).start();
    });
  }

  return {
    route: (table) => routes.take(table),
    invoke: async (invocation) => call(invocation, false),
    invokeStreaming: async (invocation) => call(invocation, true),
    inFlight: (fleet) => routes.fleet(fleet)?.outstanding ?? 0,
    drained: async (fleet) => routes.fleet(fleet)?.idle(),
    [Symbol.asyncDispose]: async () => {
      routes[Symbol.dispose]();
      deadlines[Symbol.dispose]();
    },
  };
}

const noCapacity = (endpoint: string, why: string) =>
  ({
    kind: "no-capacity",
    endpoint,
    message: `Endpoint ${endpoint} cannot take this request: ${why}.`,
  }) as const;
