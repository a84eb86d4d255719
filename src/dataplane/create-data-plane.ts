/** The data plane of one process: endpoint -> variant -> instance -> slot -> answer. */
import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import { Call, type CallTools, type Limits, type Result } from "./call.ts";
import type { DataPlane, Invocation } from "./data-plane.ts";
import { Deadlines } from "./deadlines.ts";
import { FramedLink } from "./framed-link.ts";
import { HttpLink, KEEP_ALIVE_MS } from "./http-link.ts";
import type { InstanceLink } from "./instance-link.ts";
import { pickInstance } from "./instance-picker.ts";
import type { ModelStream } from "./model-stream.ts";
import type { Outcome } from "./outcome.ts";
import type { RequestMetrics } from "./request-metrics.ts";
import { RouteWaits } from "./route-waits.ts";
import { SERVERLESS_BYTES, ServerlessCalls } from "./serverless-calls.ts";
import {
  type OnInstanceFailure,
  type RoutedEndpoint,
  type RoutedInstance,
  type RoutedVariant,
  Routes,
} from "./routes.ts";
import type { InstanceAddress } from "./routing-table.ts";
import { pickVariant, variantNamed } from "./variant-picker.ts";
import type { OnDemand } from "./worker-demand.ts";

export interface DataPlaneOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly limits?: Partial<Limits>;
  readonly onInstanceFailure?: OnInstanceFailure;
  readonly onDemand?: OnDemand;
  /** How instances are reached, where it is not in frames and over HTTP. */
  readonly connect?: (address: InstanceAddress) => InstanceLink;
  /** Where requests are counted; without it they are not. */
  readonly metrics?: RequestMetrics;
}

const LIMITS: Limits = {
  responseBytes: 6_291_456,
  streamIdleMs: 60_000,
  messageBytes: 16_384,
  readyWaitMs: 1000,
};

/** Where an invocation may go. */
interface Choice {
  readonly endpoint: RoutedEndpoint;
  readonly variant: RoutedVariant;
  readonly instance: RoutedInstance;
}

/** A data plane that talks to its instances in frames where they understand them, and HTTP/1.1 to all others. */
export function createDataPlane({
  clock,
  random,
  log,
  limits,
  onInstanceFailure,
  onDemand,
  connect,
  metrics,
}: DataPlaneOptions): DataPlane {
  const deadlines = new Deadlines(clock);
  const usual = (address: InstanceAddress) =>
    address.kind === "unix" && address.framesPath !== undefined
      ? new FramedLink(address.framesPath)
      : new HttpLink(address, deadlines.after(KEEP_ALIVE_MS));
  const routes = new Routes(connect ?? usual, metrics);
  const tools: CallTools = {
    clock,
    random,
    log,
    deadlines,
    limits: { ...LIMITS, ...limits },
    onInstanceFailure: onInstanceFailure ?? (() => {}),
  };
  const waiting = new RouteWaits(deadlines.after(tools.limits.readyWaitMs));
  const serverless = new ServerlessCalls({
    tools,
    find: serverlessVariant,
    anew: (invocation, streaming) => call(invocation, streaming),
    onDemand: onDemand ?? (() => {}),
  });

  /** A serverless endpoint has one variant; one that is named otherwise is not found later on. */
  function serverlessVariant({ endpoint: name, targetVariant }: Invocation) {
    const endpoint = routes.find(name);
    const variant = endpoint?.variants[0];
    if (!variant?.serverless || (targetVariant && variant.name !== targetVariant)) return undefined;
    return { endpoint: endpoint!, variant };
  }

  function choose({ endpoint: name, targetVariant }: Invocation): Choice | Outcome<never> {
    const endpoint = routes.find(name);
    if (!endpoint) return { kind: "unknown-endpoint", endpoint: name };
    if (endpoint.asynchronous) return { kind: "asynchronous", endpoint: endpoint.name };
    let variant = targetVariant
      ? variantNamed(endpoint.variants, targetVariant)
      : pickVariant(endpoint.variants, random.number());
    if (!variant) {
      return targetVariant
        ? { kind: "unknown-variant", endpoint: endpoint.name, variant: targetVariant }
        : noCapacity(endpoint.name, "no variant has a weight above 0");
    }
    // what is not asked for by name goes where it can be served
    if (variant.instances.length === 0 && !targetVariant)
      variant = pickVariant(endpoint.variants.filter(isReady), random.number()) ?? variant;
    const instance = pickInstance(variant.instances, variant.routing, clock.monotonic(), random.number());
    if (instance) return { endpoint, variant, instance };
    const coming = targetVariant ? variant : endpoint.variants.find(isComing);
    return coming && isComing(coming)
      ? { kind: "not-ready", endpoint: endpoint.name, variant: coming.name }
      : noCapacity(endpoint.name, `variant ${variant.name} has no instance that is ready`);
  }

  /** `patient`: it may wait for an instance, once. */
  function call(invocation: Invocation, streaming: boolean, patient = true): Promise<Result> | Result {
    const found = serverlessVariant(invocation);
    if (found) return serverless.call(invocation, streaming, found.endpoint, found.variant);
    const choice = choose(invocation);
    if ("kind" in choice)
      return patient && choice.kind === "not-ready"
        ? wait(invocation, streaming)
        : refused(invocation, choice);
    const { endpoint, variant, instance } = choice;
    if (endpoint.load.outstanding >= endpoint.maxOutstanding || !keepsPace(variant)) {
      variant.metrics?.refused(503);
      return { kind: "overloaded", endpoint: endpoint.name };
    }
    if (invocation.signal.aborted) return { kind: "cancelled" };
    return new Promise((resolve) => {
      const unsent = patient ? () => resolve(wait(invocation, streaming)) : resolve;
      new Call(tools, invocation, endpoint, variant, instance, streaming, resolve, unsent).start();
    });
  }

  /** Counts what no instance gets to see, where it is known whose it was. */
  function refused(invocation: Invocation, outcome: Outcome<never>): Outcome<never> {
    if (!["not-ready", "no-capacity", "overloaded"].includes(outcome.kind)) return outcome;
    const { variants = [] } = routes.find(invocation.endpoint) ?? {};
    const name = invocation.targetVariant ?? ("variant" in outcome ? outcome.variant : undefined);
    (name === undefined ? variants[0] : variantNamed(variants, name))?.metrics?.refused(503);
    return outcome;
  }

  const keepsPace = ({ fleet, instances, maxWaitMs }: RoutedVariant): boolean =>
    fleet.pace.admits(fleet.outstanding, instances.length, maxWaitMs, clock.monotonic());

  /** Lets an invocation wait for an instance that did not just fail; after that time, one that did is tried again. */
  async function wait(invocation: Invocation, streaming: boolean): Promise<Result> {
    const endpoint = routes.find(invocation.endpoint);
    if (!endpoint) return call(invocation, streaming, false);
    if (endpoint.load.outstanding >= endpoint.maxOutstanding)
      return refused(invocation, { kind: "overloaded", endpoint: endpoint.name });
    const decided = (): boolean => {
      const choice = choose(invocation);
      if ("kind" in choice) return choice.kind !== "not-ready";
      return choice.instance.avoidUntil <= clock.monotonic();
    };
    endpoint.load.outstanding++;
    const end = decided() ? "changed" : await waiting.until(endpoint.name, decided, invocation.signal);
    endpoint.load.leave();
    return end === "cancelled" ? { kind: "cancelled" } : call(invocation, streaming, false);
  }

  return {
    route(table) {
      const version = routes.take(table);
      waiting.changed();
      serverless.changed();
      return version;
    },
    reroute(change) {
      const version = routes.change(change);
      for (const { endpoint } of change.changes) waiting.changed(endpoint);
      serverless.changed();
      return version;
    },
    invoke: (invocation) => Promise.resolve(call(invocation, false)) as Promise<Outcome<Uint8Array>>,
    invokeStreaming: async (invocation) => call(invocation, true) as Promise<Outcome<ModelStream>>,
    bodyLimit: (endpoint) => (routes.find(endpoint)?.variants[0]?.serverless ? SERVERLESS_BYTES : undefined),
    load: () => routes.load(),
    inFlight: (fleet) => routes.fleet(fleet)?.outstanding ?? 0,
    drained: async (fleet) => routes.fleet(fleet)?.idle(),
    [Symbol.asyncDispose]: async () => {
      serverless[Symbol.dispose]();
      routes[Symbol.dispose]();
      waiting[Symbol.dispose]();
      deadlines[Symbol.dispose]();
    },
  };
}

const isReady = ({ instances }: RoutedVariant) => instances.length > 0;
const isComing = ({ pending }: RoutedVariant) => pending > 0;

const noCapacity = (endpoint: string, why: string) =>
  ({
    kind: "no-capacity",
    endpoint,
    message: `Endpoint ${endpoint} cannot take this request: ${why}.`,
  }) as const;
