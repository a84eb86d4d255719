/**
 * Control's end of the links to gateways: holds the routing table, writes it to disk, hands each gateway what it lacks,
 * and knows which version each of them routes by.
 */
import { chmodSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { type Clock, sleep } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { MetricStorage } from "../telemetry/metrics.ts";
import { type FromGateway, readFromGateway, writeChange, writeRoutes } from "./control-messages.ts";
import { MessageSocket } from "./message-socket.ts";
import { readRoute } from "./route-shape.ts";
import type { OnInstanceFailure } from "./routes.ts";
import type { OnDemand } from "./worker-demand.ts";
import type { EndpointRoute, RoutePublisher } from "./routing-table.ts";
import { journalLine, readRoutingTableFile, RoutingTableFile } from "./routing-table-file.ts";

export interface GatewayHubOptions {
  /** Where gateways connect. */
  readonly socketPath: string;
  /** Where the last routing table is kept for gateways that start while control is not there. */
  readonly file: string;
  /** Another one for each start of the supervisor: what it started before is gone. */
  readonly session: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly onInstanceFailure?: OnInstanceFailure;
  /** Told how many workers of a fleet all gateways together need, whenever that changes. */
  readonly onDemand?: OnDemand;
  /** Where what gateways measure is kept. */
  readonly metrics?: MetricStorage;
}

/** What was last said of an endpoint: its route as JSON, or null, and the version that brought it. */
interface Entry {
  readonly version: number;
  readonly json: string;
}

interface ConnectedGateway {
  readonly id: string;
  readonly messages: MessageSocket;
  /** The version that it routes by. */
  routed: number;
  /** What it was asked and has not answered. */
  readonly questions: Map<number, (requests: number | undefined) => void>;
  /** How many workers it needs, by fleet. */
  readonly demand: Map<string, number>;
  /** How many requests it has in flight to each instance. */
  load: Readonly<Record<string, number>>;
}

interface Wait {
  readonly version: number;
  /** Its gateways take long: that is told once. */
  readonly cancelWarning: () => void;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

const NO_ROUTE = "null";
/** How often a fleet is counted that is to be drained. */
const COUNT_AGAIN_MS = 50;
/** A gateway that does not tell in this time what is in flight may have anything in flight. */
const COUNT_MS = 1000;
/** So many outdated lines in the file are less work than to write it anew. */
const OUTDATED_LINES = 1000;
/** Which gateways keep a route waiting for longer than this is told. */
const SLOW_MS = 5000;

export class GatewayHub implements RoutePublisher, AsyncDisposable {
  readonly #options: GatewayHubOptions;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #file: RoutingTableFile;
  readonly #entries = new Map<string, Entry>();
  readonly #gateways = new Map<string, ConnectedGateway>();
  readonly #waits = new Set<Wait>();
  readonly #closing = new AbortController();
  #alive: ReadonlySet<string> | undefined;
  #version = 0;
  /** Endpoints without a route are remembered from this version on: a gateway behind it needs the whole table. */
  #horizon = 0;
  /** Published, and not yet in a version. */
  readonly #unsaid = new Set<string>();
  /** The file is whole up to here; otherwise it must be written anew. */
  #saved = false;
  #question = 0;

  private constructor(options: GatewayHubOptions) {
    this.#options = options;
    this.#file = new RoutingTableFile(options.file, options.session);
    this.#server = createServer((socket) => this.#welcome(socket));
    const table = readRoutingTableFile(options.file, options.session);
    if (!table) {
      // beyond what any gateway may have from a file that was lost
      this.#version = this.#horizon = options.clock.now();
      return;
    }
    this.#version = table.version;
    this.#horizon = table.horizon;
    for (const { endpoint, version, route } of table.routes.values())
      this.#entries.set(endpoint, { version, json: route ? JSON.stringify(route) : NO_ROUTE });
  }

  /** Goes on from the table on disk, and resolves when gateways can connect. */
  static async open(options: GatewayHubOptions): Promise<GatewayHub> {
    const hub = new GatewayHub(options);
    hub.#save([]);
    rmSync(options.socketPath, { force: true });
    await new Promise<void>((resolve, reject) => {
      hub.#server.once("error", reject);
      hub.#server.listen(options.socketPath, resolve);
    });
    chmodSync(options.socketPath, 0o600);
    return hub;
  }

  /** Which gateways live: each of them must route by a table before it counts as published. Nothing does before the first call. */
  alive(ids: readonly string[]): void {
    this.#alive = new Set(ids);
    this.#settle();
  }

  /** Takes back the routes of all other endpoints. */
  prune(endpoints: readonly string[]): void {
    const kept = new Set(endpoints.map((name) => name.toLowerCase()));
    for (const key of this.#entries.keys()) if (!kept.has(key)) this.#say(key, NO_ROUTE);
  }

  async publish(endpoint: string, route: EndpointRoute | undefined): Promise<void> {
    this.#closing.signal.throwIfAborted();
    const version = this.#say(endpoint.toLowerCase(), route ? JSON.stringify(readRoute(route)) : NO_ROUTE);
    if (this.#allRoute(version)) return;
    const cancelWarning = this.#options.clock.after(SLOW_MS, () =>
      this.#options.log.warn("A route waits for gateways that do not acknowledge it.", {
        endpoint,
        gateways: this.#behind(version),
      }),
    );
    await new Promise<void>((resolve, reject) =>
      this.#waits.add({ version, cancelWarning, resolve, reject }),
    );
  }

  async drained(fleet: string, deadlineMs: number): Promise<number> {
    const { clock } = this.#options;
    const end = clock.monotonic() + deadlineMs;
    for (;;) {
      const requests = await this.#count(fleet);
      const left = end - clock.monotonic();
      if (requests === 0 || left <= 0) return requests;
      await sleep(clock, Math.min(COUNT_AGAIN_MS, left), this.#closing.signal);
    }
  }

  /** How many requests all gateways have in flight to each instance, as they said last. */
  load(): Record<string, number> {
    const all: Record<string, number> = {};
    for (const { load } of this.#gateways.values())
      for (const id in load) all[id] = (all[id] ?? 0) + load[id]!;
    return all;
  }

  /** Returns the version that a gateway must route by to route so. What is said in one turn is one version. */
  #say(key: string, json: string): number {
    const known = this.#entries.get(key);
    if ((known?.json ?? NO_ROUTE) === json) return known?.version ?? this.#horizon;
    const version = this.#version + 1;
    this.#entries.set(key, { version, json });
    if (this.#unsaid.size === 0) setImmediate(this.#flush);
    this.#unsaid.add(key);
    return version;
  }

  readonly #flush = (): void => {
    if (this.#unsaid.size === 0) return;
    const keys = [...this.#unsaid];
    this.#unsaid.clear();
    const version = ++this.#version;
    const routes = writeRoutes(version, false, this.#changes(keys));
    // first: a gateway that starts from the file must not route by less than what was waited for
    this.#save(keys);
    for (const { messages } of this.#gateways.values()) messages.send(routes);
    this.#settle();
  };

  #changes(keys: readonly string[]): string[] {
    return keys.map((key) => writeChange(key, this.#entries.get(key)!.json));
  }

  #save(keys: readonly string[]): void {
    const line = (key: string) => {
      const { version, json } = this.#entries.get(key)!;
      return journalLine(key, version, json);
    };
    try {
      if (this.#saved && this.#file.lines < 2 * this.#entries.size + OUTDATED_LINES) {
        this.#file.append(keys.map(line));
        return;
      }
      if (this.#saved) {
        this.#horizon = this.#version;
        for (const [key, { json }] of this.#entries) if (json === NO_ROUTE) this.#entries.delete(key);
      }
      this.#file.rewrite(this.#horizon, [...this.#entries.keys()].map(line));
      this.#saved = true;
    } catch (error) {
      // routing goes on; only a gateway that is restarted while control is not there would miss this
      this.#saved = false;
      this.#options.log.error("The routing table could not be written.", { file: this.#options.file, error });
    }
  }

  #welcome(socket: Socket): void {
    this.#sockets.add(socket);
    let gateway: ConnectedGateway | undefined;
    const messages = new MessageSocket(
      socket,
      (value) => {
        const message = readFromGateway(value);
        if (message.kind === "hello") gateway ??= this.#enter(message.id, message.version, messages);
        else if (gateway) this.#hear(gateway, message);
      },
      (error) => {
        this.#sockets.delete(socket);
        if (gateway) this.#leave(gateway, error);
      },
    );
  }

  /** A gateway says what it routes by, and is told the rest. */
  #enter(id: string, version: number, messages: MessageSocket): ConnectedGateway {
    this.#flush();
    const gateway: ConnectedGateway = {
      id,
      messages,
      routed: version,
      questions: new Map(),
      demand: new Map(),
      load: {},
    };
    if (version > this.#version) this.#overtake(version, gateway);
    const before = this.#gateways.get(id);
    before?.messages.destroy();
    this.#gateways.set(id, gateway);
    if (before) this.#withdraw(before);
    const whole = gateway.routed < this.#horizon;
    const lacking = [...this.#entries].filter(([, entry]) =>
      whole ? entry.json !== NO_ROUTE : entry.version > version,
    );
    messages.send(writeRoutes(this.#version, whole, this.#changes(lacking.map(([key]) => key))));
    return gateway;
  }

  /** The file was lost, and a gateway knows a newer table than control: what control knows becomes the newest. */
  #overtake(version: number, gateway: ConnectedGateway): void {
    gateway.routed = 0;
    this.#version = this.#horizon = version + 1;
    this.#saved = false;
    this.#save([]);
    const newest = writeRoutes(this.#version, false, []);
    for (const other of this.#gateways.values()) other.messages.send(newest);
  }

  #hear(gateway: ConnectedGateway, message: FromGateway): void {
    if (message.kind === "routed") {
      gateway.routed = message.version;
      this.#settle();
    } else if (message.kind === "in-flight") gateway.questions.get(message.question)?.(message.requests);
    else if (message.kind === "instance-failed")
      this.#options.onInstanceFailure?.(message.instance, message.failure);
    else if (message.kind === "demand") {
      gateway.demand.set(message.fleet, message.workers);
      if (message.workers === 0) gateway.demand.delete(message.fleet);
      this.#tellDemand(message.fleet);
    } else if (message.kind === "load") gateway.load = message.instances;
    else if (message.kind === "metrics") void this.#keep(gateway, message);
  }

  /** What can not be kept is not answered: the gateway keeps it, and sends it again. */
  async #keep({ id, messages }: ConnectedGateway, { sender, data }: FromGateway & { kind: "metrics" }) {
    const { metrics, log } = this.#options;
    try {
      await metrics?.put(data, sender);
      messages.send({ kind: "metrics-kept", sequence: sender.sequence });
    } catch (error) {
      log.error("The metrics of a gateway could not be written.", { gateway: id, error });
    }
  }

  #tellDemand(fleet: string): void {
    let workers = 0;
    for (const { demand } of this.#gateways.values()) workers += demand.get(fleet) ?? 0;
    this.#options.onDemand?.(fleet, workers);
  }

  /** A gateway that is gone needs nothing any more. */
  #withdraw({ demand }: ConnectedGateway): void {
    if (this.#closing.signal.aborted) return;
    for (const fleet of demand.keys()) this.#tellDemand(fleet);
  }

  #leave(gateway: ConnectedGateway, error: Error | undefined): void {
    if (error) this.#options.log.warn("The link to a gateway broke.", { gateway: gateway.id, error });
    if (this.#gateways.get(gateway.id) === gateway) {
      this.#gateways.delete(gateway.id);
      this.#withdraw(gateway);
    }
    for (const answer of gateway.questions.values()) answer(undefined);
    this.#settle();
  }

  /** Those that are said to live, and those whose connection says so. */
  #living(): Set<string> {
    return new Set([...(this.#alive ?? []), ...this.#gateways.keys()]);
  }

  /** Who lives and does not route by this version yet. */
  #behind(version: number): string[] {
    return [...this.#living()].filter((id) => !((this.#gateways.get(id)?.routed ?? -1) >= version));
  }

  #allRoute(version: number): boolean {
    return this.#alive !== undefined && version <= this.#version && this.#behind(version).length === 0;
  }

  #settle(): void {
    for (const wait of this.#waits)
      if (this.#allRoute(wait.version)) {
        this.#waits.delete(wait);
        wait.cancelWarning();
        wait.resolve();
      }
  }

  /** Requests in flight to a fleet. A gateway that can not tell counts as one. */
  async #count(fleet: string): Promise<number> {
    if (!this.#alive) return 1;
    const counts = await Promise.all([...this.#living()].map((id) => this.#ask(id, fleet)));
    return counts.reduce((sum, requests) => sum + requests, 0);
  }

  async #ask(id: string, fleet: string): Promise<number> {
    const gateway = this.#gateways.get(id);
    if (!gateway) return 1;
    const question = ++this.#question;
    const { promise, resolve } = Promise.withResolvers<number | undefined>();
    gateway.questions.set(question, resolve);
    const cancel = this.#options.clock.after(COUNT_MS, () => resolve(undefined));
    gateway.messages.send({ kind: "count", question, fleet });
    const requests = await promise;
    cancel();
    gateway.questions.delete(question);
    return requests ?? (this.#living().has(id) ? 1 : 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#flush();
    const stopping = new Error("Control is stopping.");
    this.#closing.abort(stopping);
    for (const wait of this.#waits) {
      wait.cancelWarning();
      wait.reject(stopping);
    }
    this.#waits.clear();
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
    this.#file[Symbol.dispose]();
  }
}
