import { silentLog } from "../../src/base/log.ts";
import { createDataPlane } from "../../src/dataplane/create-data-plane.ts";
import type { DataPlane } from "../../src/dataplane/data-plane.ts";
import type { InstanceEvents, InstanceExchange, InstanceLink } from "../../src/dataplane/instance-link.ts";
import type { Outcome } from "../../src/dataplane/outcome.ts";
import type { EndpointRoute, InstanceAddress } from "../../src/dataplane/routing-table.ts";
import type { Gateway } from "./gateways.ts";
import type { Request } from "./machine.ts";
import type { World } from "./world.ts";

/** A request waits for a worker for so long, and has a minute there; one that no worker has seen may wait once more. */
const LONGEST_MS = 3 * 60_000 + 5_000;
/** A worker is there in so long after the last thing that kept one away: the slowest download and start, and the longest pause between attempts. */
const STARTED_MS = 110_000;
/** Workers that are stopped and take no more: their grace, and the second before it. */
const WAITED = "a request to a serverless endpoint gets a worker or a refusal in time";
const REFUSED = "a refusal of a serverless endpoint has its cause";

/** The real data plane of one life of a gateway: here requests to serverless endpoints wait in line, and what they need is told. */
export class ServerlessSide {
  readonly #world: World;
  readonly #gateway: Gateway;
  readonly #dataPlane: DataPlane;
  /** What control is to know, by fleet. */
  readonly demand = new Map<string, number>();
  /** Requests without an outcome, by endpoint. */
  readonly #open = new Map<string, number>();
  #ended = false;

  constructor(world: World, gateway: Gateway) {
    this.#world = world;
    this.#gateway = gateway;
    const { time, dice } = world;
    this.#dataPlane = createDataPlane({
      clock: {
        now: () => time.now,
        monotonic: () => time.now,
        after: (delayMs, callback) =>
          time.after(delayMs, () => {
            if (!this.#ended) callback();
          }),
      },
      random: dice,
      log: silentLog,
      connect: (address) => this.#link(address),
      onDemand: (fleet, workers) => {
        if (workers > 0) this.demand.set(fleet, workers);
        else this.demand.delete(fleet);
        world.control?.publisher.demanded(gateway, fleet);
      },
    });
  }

  route(version: number, endpoints: readonly EndpointRoute[]): void {
    this.#dataPlane.route({ version, endpoints });
  }

  inFlight(fleet: string): number {
    return this.#dataPlane.inFlight(fleet);
  }

  /** The gateway dies: nobody hears of its requests any more. */
  end(): void {
    this.#ended = true;
  }

  /** So many requests at once, each of which takes so long. */
  invoke(endpoint: string, durations: readonly number[]): void {
    for (const duration of durations) void this.#invoke(endpoint, duration);
  }

  async #invoke(endpoint: string, durationMs: number): Promise<void> {
    const { time, chronicle } = this.#world;
    const began = time.now;
    let outcome: Outcome<Uint8Array> | undefined;
    this.#open.set(endpoint, (this.#open.get(endpoint) ?? 0) + 1);
    time.after(LONGEST_MS, () =>
      chronicle.must(
        WAITED,
        outcome !== undefined || this.#ended,
        () => `${endpoint} at gateway ${this.#gateway.id}: nothing since ${began}`,
      ),
    );
    outcome = await this.#dataPlane.invoke({
      endpoint,
      path: "/invocations",
      headers: {},
      body: Buffer.from(String(durationMs)),
      signal: new AbortController().signal,
    });
    if (this.#ended) return;
    const open = this.#open.get(endpoint)!;
    this.#open.set(endpoint, open - 1);
    if (outcome.kind !== "answered")
      chronicle.note(`a request to ${endpoint} since ${began}: ${outcome.kind}`);
    this.#judge(outcome, endpoint, open, began);
  }

  #judge(outcome: Outcome<Uint8Array>, endpoint: string, open: number, began: number): void {
    const { chronicle } = this.#world;
    if (outcome.kind === "answered") return chronicle.must(REFUSED, true, () => "");
    if (outcome.kind === "throttled") chronicle.fault("a serverless endpoint has no room for one more");
    chronicle.must(
      REFUSED,
      outcome.kind === "throttled"
        ? open > outcome.maxConcurrency
        : outcome.kind === "model-error"
          ? outcome.message.length > 20
          : outcome.kind === "unknown-endpoint" || this.#disturbed(endpoint, began),
      () =>
        `${endpoint} at gateway ${this.#gateway.id}, ${open} open, since ${began}: ${JSON.stringify(outcome)}`,
    );
  }

  /** Whether something kept workers away while the request waited, or shortly before. */
  #disturbed(endpoint: string, began: number): boolean {
    const { machine, control, plan, observer, time } = this.#world;
    const lately = (at: number | undefined) => at !== undefined && at > began - STARTED_MS;
    const { status } = observer.endpoints.get(endpoint) ?? {};
    return (
      plan.applyFails > 0 ||
      status?.state !== "InService" ||
      !control ||
      lately(control.since) ||
      lately(observer.history(endpoint).restsSince) ||
      this.#gateway.stalledUntil > began ||
      time.now < STARTED_MS ||
      [...machine.lastDeath].some(([fleet, at]) => fleet.endsWith(`-${endpoint}`) && lately(at))
    );
  }

  #link(address: InstanceAddress): InstanceLink {
    const { time, machine, dice } = this.#world;
    const path = address.kind === "unix" ? address.path : "";
    const send = (body: Uint8Array, events: InstanceEvents): InstanceExchange => {
      let aborted = false;
      const tell = (delayMs: number, what: () => void) =>
        time.after(delayMs, () => {
          if (!aborted && !this.#ended) what();
        });
      const process = machine.at(path);
      let request: Request | undefined;
      if (!process?.listening)
        tell(dice.between(0, 5), () => events.onFailure(false, "it can not be reached"));
      else {
        request = {
          gateway: this.#gateway,
          cut: (why) => void tell(0, () => events.onFailure(true, why)),
        };
        const own = request;
        process.requests.add(own);
        time.after(Number(Buffer.from(body).toString()), () => {
          if (!process.requests.delete(own)) return;
          machine.released(process);
          if (aborted || this.#ended) return;
          events.onHead(200, {});
          events.onEnd();
        });
      }
      return {
        pause() {},
        resume() {},
        abort() {
          aborted = true;
          if (request && process?.requests.delete(request)) machine.released(process);
        },
      };
    };
    return { send: ({ body }, events) => send(body, events), close() {} };
  }
}
