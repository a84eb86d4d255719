/**
 * A gateway's end of the link to control: takes routing tables from it, says which one it routes by, and what it sees of
 * instances. Without control the gateway goes on with what it has.
 */
import { connect } from "node:net";
import { type Clock, sleep } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { Datum, Sender } from "../telemetry/metrics.ts";
import { type FromControl, type FromGateway, readFromControl } from "./control-messages.ts";
import type { DataPlane, InstanceFailure } from "./data-plane.ts";
import { writeDatum } from "./metric-messages.ts";
import { MessageSocket } from "./message-socket.ts";
import type { EndpointRoute, RouteChange } from "./routing-table.ts";
import { readRoutingTableFile } from "./routing-table-file.ts";

export interface ControlLinkOptions {
  /** Where control's GatewayHub listens. */
  readonly socketPath: string;
  /** The hub's file. */
  readonly file: string;
  /** The hub's session. */
  readonly session: string;
  /** This gateway's name among those that live; another one after a restart does no harm. */
  readonly id: string;
  readonly dataPlane: DataPlane;
  readonly clock: Clock;
  readonly log: Log;
  /** How long to wait for control before the table on disk is good enough to begin with. */
  readonly patienceMs?: number;
}

const PATIENCE_MS = 1000;
const FIRST_RETRY_MS = 10;
const LONGEST_RETRY_MS = 200;

export class ControlLink implements Disposable {
  readonly #options: ControlLinkOptions;
  readonly #first = Promise.withResolvers<void>();
  readonly #failures = new Set<string>();
  /** What was last said of each fleet of workers, but for those of which none is needed. */
  readonly #demand = new Map<string, number>();
  /** Of which fleets there is news. */
  readonly #demanded = new Set<string>();
  #messages: MessageSocket | undefined;
  /** The metrics that control was sent and did not say it keeps. */
  #metrics: { readonly sequence: number; readonly kept: PromiseWithResolvers<void> } | undefined;
  #idle = true;
  #version = 0;
  #retryMs = FIRST_RETRY_MS;
  #cancelRetry: (() => void) | undefined;
  #closed = false;

  constructor(options: ControlLinkOptions) {
    this.#options = options;
    this.#first.promise.catch(() => {});
  }

  /** Resolves when there is a table to route by: control's, or the one on disk when control does not answer in time. */
  async start(): Promise<void> {
    const { dataPlane, clock, file, session, patienceMs = PATIENCE_MS } = this.#options;
    const saved = readRoutingTableFile(file, session);
    if (saved) {
      const endpoints = [...saved.routes.values()].flatMap(({ route }) => (route ? [route] : []));
      this.#version = dataPlane.route({ version: saved.version, endpoints });
    }
    this.#connect();
    if (!saved) return this.#first.promise;
    const waiting = new AbortController();
    const enough = sleep(clock, patienceMs, waiting.signal).catch(() => {});
    await Promise.race([this.#first.promise, enough]).finally(() => waiting.abort());
  }

  /** Tells control that an instance failed a request; the same again in the same turn is told once. */
  report(instance: string, failure: InstanceFailure): void {
    this.#tellSoon();
    this.#failures.add(JSON.stringify({ kind: "instance-failed", instance, failure } satisfies FromGateway));
  }

  /** Tells control how many workers of a fleet are needed here; it is told again to a control that comes later. */
  demand(fleet: string, workers: number): void {
    this.#tellSoon();
    this.#demanded.add(fleet);
    if (workers > 0) this.#demand.set(fleet, workers);
    else this.#demand.delete(fleet);
  }

  /** Resolves once control keeps them; the same ones may be sent again after any failure. */
  keepMetrics(data: readonly Datum[], sender: Sender): Promise<void> {
    if (!this.#messages) return Promise.reject(new Error("control is not there"));
    const kept = Promise.withResolvers<void>();
    this.#metrics = { sequence: sender.sequence, kept };
    this.#messages.send({ kind: "metrics", sender, data: data.map(writeDatum) });
    return kept.promise;
  }

  /** Tells control how many requests are in flight to each instance. */
  load(instances: Readonly<Record<string, number>>): void {
    const idle = Object.keys(instances).length === 0;
    if (!idle || !this.#idle) this.#send({ kind: "load", instances });
    this.#idle = idle;
  }

  #tellSoon(): void {
    if (this.#failures.size + this.#demanded.size === 0) setImmediate(this.#tell);
  }

  readonly #tell = (): void => {
    // without a connection nobody is told: control looks at every instance itself
    for (const failure of this.#failures) this.#messages?.send(`${failure}\n`);
    for (const fleet of this.#demanded)
      this.#send({ kind: "demand", fleet, workers: this.#demand.get(fleet) ?? 0 });
    this.#failures.clear();
    this.#demanded.clear();
  };

  #connect(): void {
    const { socketPath, id, log } = this.#options;
    const socket = connect(socketPath);
    let parts: RouteChange[] = [];
    const messages = new MessageSocket(
      socket,
      (value) => {
        const message = readFromControl(value);
        if (message.kind === "count") return this.#count(message);
        if (message.kind === "metrics-kept") {
          if (this.#metrics?.sequence === message.sequence) this.#metrics.kept.resolve();
          return;
        }
        for (const change of message.changes) parts.push(change);
        if (!message.last) return;
        this.#take(message, parts);
        parts = [];
      },
      (error) => {
        const lost = this.#messages === messages;
        this.#messages = undefined;
        this.#metrics?.kept.reject(error ?? new Error("control went away"));
        if (this.#closed) return;
        if (lost) log.warn("The link to control broke; routing goes on.", { error });
        this.#cancelRetry = this.#options.clock.after(this.#retryMs, () => this.#connect());
        this.#retryMs = Math.min(LONGEST_RETRY_MS, 2 * this.#retryMs);
      },
    );
    socket.once("connect", () => {
      this.#messages = messages;
      this.#send({ kind: "hello", id, version: this.#version });
      for (const [fleet, workers] of this.#demand) this.#send({ kind: "demand", fleet, workers });
    });
    this.#cancelRetry = () => messages.destroy();
  }

  #take({ version, whole }: FromControl & { kind: "routes" }, changes: readonly RouteChange[]): void {
    const { dataPlane } = this.#options;
    const routes = () => changes.map(({ route }) => route).filter((route): route is EndpointRoute => !!route);
    this.#version = whole
      ? dataPlane.route({ version, endpoints: routes() })
      : dataPlane.reroute({ version, changes });
    this.#retryMs = FIRST_RETRY_MS;
    this.#send({ kind: "routed", version: this.#version });
    this.#first.resolve();
  }

  #count({ question, fleet }: FromControl & { kind: "count" }): void {
    this.#send({ kind: "in-flight", question, requests: this.#options.dataPlane.inFlight(fleet) });
  }

  #send(message: FromGateway): void {
    this.#messages?.send(message);
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    this.#cancelRetry?.();
    this.#messages?.destroy();
    this.#first.reject(new Error("The gateway is stopping."));
  }
}
