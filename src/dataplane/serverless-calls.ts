/**
 * Invocations of serverless endpoints: each has a worker of its own, those that find none free wait in line for one, and
 * more than the endpoint's MaxConcurrency are refused. What is needed is told, so that workers are started.
 */
import { Call, type CallTools, type Result } from "./call.ts";
import type { Invocation } from "./data-plane.ts";
import type { DeadlineList, Expiring } from "./deadlines.ts";
import { freeWorker } from "./instance-picker.ts";
import type { RoutedEndpoint, RoutedInstance, RoutedVariant } from "./routes.ts";
import { type OnDemand, WorkerDemand } from "./worker-demand.ts";

/** The longest body of a request to a serverless endpoint, and of its answer. */
export const SERVERLESS_BYTES = 4_194_304;
/** How long a request may wait for a worker: after that its caller has mostly gone. */
const WAIT_MS = 60_000;

export interface ServerlessCallsOptions {
  readonly tools: CallTools;
  /** Where an invocation goes now: its route may be another one than when it began to wait. */
  readonly find: (
    invocation: Invocation,
  ) => { readonly endpoint: RoutedEndpoint; readonly variant: RoutedVariant } | undefined;
  /** Takes an invocation whose route is another one now, or none, from its beginning. */
  readonly anew: (invocation: Invocation, streaming: boolean) => Promise<Result> | Result;
  readonly onDemand: OnDemand;
}

export class ServerlessCalls implements Disposable {
  readonly #tools: CallTools;
  readonly #find: ServerlessCallsOptions["find"];
  readonly #anew: ServerlessCallsOptions["anew"];
  readonly #demand: WorkerDemand;
  readonly #deadlines: DeadlineList;
  /** By fleet, in the order in which they came. */
  readonly #lines = new Map<string, Set<Waiter>>();

  constructor({ tools, find, anew, onDemand }: ServerlessCallsOptions) {
    this.#tools = { ...tools, limits: { ...tools.limits, responseBytes: SERVERLESS_BYTES } };
    this.#find = find;
    this.#anew = anew;
    this.#demand = new WorkerDemand(tools.clock, onDemand);
    this.#deadlines = tools.deadlines.after(WAIT_MS);
  }

  call(
    invocation: Invocation,
    streaming: boolean,
    endpoint: RoutedEndpoint,
    variant: RoutedVariant,
  ): Promise<Result> | Result {
    const { fleet, serverless } = variant;
    const { maxConcurrency, failure } = serverless!;
    if (failure !== undefined) {
      variant.metrics?.refused(503);
      return failed(variant, failure);
    }
    if (fleet.outstanding + this.#waiting(fleet.name) >= maxConcurrency) {
      variant.metrics?.refused(400);
      return { kind: "throttled", endpoint: endpoint.name, maxConcurrency };
    }
    if (invocation.signal.aborted) return { kind: "cancelled" };
    return new Promise((resolve) => {
      const worker = this.#waiting(fleet.name) === 0 ? this.#free(variant) : undefined;
      if (worker) this.#start(invocation, streaming, endpoint, variant, worker, resolve);
      else this.#wait(invocation, streaming, variant, resolve);
      this.#demand.rise(fleet.name, () => fleet.outstanding + this.#waiting(fleet.name));
    });
  }

  /** A route is another one, or a worker is free: those that waited first go first. */
  changed(): void {
    for (const fleet of this.#lines.keys()) this.#advance(fleet);
  }

  #free({ instances }: RoutedVariant): RoutedInstance | undefined {
    const { clock, random } = this.#tools;
    return freeWorker(instances, clock.monotonic(), random.number());
  }

  #waiting(fleet: string): number {
    return this.#lines.get(fleet)?.size ?? 0;
  }

  #start(
    invocation: Invocation,
    streaming: boolean,
    endpoint: RoutedEndpoint,
    variant: RoutedVariant,
    worker: RoutedInstance,
    resolve: (result: Result) => void,
    patient = true,
  ): void {
    const { fleet } = variant;
    fleet.onFree ??= () => this.#advance(fleet.name);
    // one that no worker has seen may wait for another, once
    const again = (): void => {
      this.#wait(invocation, streaming, variant, resolve, false);
      // there may be another route by now
      this.#advance(fleet.name);
    };
    const unsent = patient ? again : resolve;
    new Call(this.#tools, invocation, endpoint, variant, worker, streaming, resolve, unsent).start();
  }

  #wait(
    invocation: Invocation,
    streaming: boolean,
    variant: RoutedVariant,
    resolve: (result: Result) => void,
    patient = true,
  ): void {
    const { name: fleet } = variant.fleet;
    const line = this.#lines.get(fleet) ?? new Set();
    this.#lines.set(fleet, line);
    let cancelRetry = (): void => {};
    const leave = (): void => {
      cancelRetry();
      invocation.signal.removeEventListener("abort", waiter);
      this.#deadlines.clear(waiter);
      line.delete(waiter);
      if (line.size === 0 && this.#lines.get(fleet) === line) this.#lines.delete(fleet);
    };
    const waiter = new Waiter(
      () => {
        const now = this.#find(invocation);
        const { serverless } = now?.variant ?? {};
        const elsewhere = !serverless || now!.variant.fleet.name !== fleet;
        const worker = elsewhere ? undefined : this.#free(now!.variant);
        if (!elsewhere && !worker && serverless.failure === undefined) return false;
        leave();
        if (worker) this.#start(invocation, streaming, now!.endpoint, now!.variant, worker, resolve, patient);
        else void Promise.resolve(this.#anew(invocation, streaming)).then(resolve);
        return true;
      },
      (result) => {
        leave();
        if (result.kind === "not-ready") variant.metrics?.refused(503);
        resolve(result);
      },
      { kind: "not-ready", endpoint: invocation.endpoint, variant: variant.name },
    );
    invocation.signal.addEventListener("abort", waiter);
    this.#deadlines.set(waiter);
    line.add(waiter);
    // a worker that failed is tried again after a while, should nothing else happen
    const blocked = variant.instances.filter(({ outstanding }) => outstanding === 0);
    if (blocked.length === 0) return;
    const { clock } = this.#tools;
    const until = Math.min(...blocked.map(({ avoidUntil }) => avoidUntil));
    cancelRetry = clock.after(Math.max(1, until - clock.monotonic()), () => this.#advance(fleet));
  }

  #advance(fleet: string): void {
    for (const waiter of this.#lines.get(fleet) ?? []) if (!waiter.attempt()) return;
  }

  [Symbol.dispose](): void {
    for (const line of this.#lines.values()) for (const waiter of line) waiter.expire();
    this.#demand[Symbol.dispose]();
  }
}

class Waiter implements Expiring {
  expiresAt = 0;
  /** Whether its wait is over. */
  readonly attempt: () => boolean;
  readonly #end: (result: Result) => void;
  readonly #inVain: Result;

  constructor(attempt: () => boolean, end: (result: Result) => void, inVain: Result) {
    this.attempt = attempt;
    this.#end = end;
    this.#inVain = inVain;
  }

  expire(): void {
    this.#end(this.#inVain);
  }

  /** The client is gone. */
  handleEvent(): void {
    this.#end({ kind: "cancelled" });
  }
}

const failed = ({ name }: RoutedVariant, message: string): Result => ({
  kind: "model-error",
  variant: name,
  status: 500,
  message,
});
