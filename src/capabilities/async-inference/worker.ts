/**
 * Takes asynchronous requests from the table to instances and their results to the object store. A lease is a number
 * of the attempt: control is one process at a time, so those of an earlier one are void when the next begins.
 */
import { type Clock, sleep } from "../../base/clock.ts";
import type { Log } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import type { EndpointRoute } from "../../dataplane/routing-table.ts";
import type { ObjectStore } from "../../objects/object-store.ts";
import type { ResourceStore } from "../../state/store.ts";
import type { MetricSink } from "../../telemetry/metrics.ts";
import { EndpointKind } from "../hosting/kinds.ts";
import { type Measure, measureBacklog, measureEnd, measureTo } from "./async-metrics.ts";
import { attempt, type AttemptPorts, type AttemptResult, earlierResult } from "./attempt.ts";
import { type Announcer, announce } from "./announce.ts";
import type { CallInstance } from "../../dataplane/instance-call.ts";
import { freeSeats, InFlight, pickSeat, type Seat } from "./lane.ts";
import { nextStep } from "./next-step.ts";
import { endpointGone, expired } from "./reasons.ts";
import type { RequestTable } from "./request-table.ts";
import { topicOf } from "./notification.ts";
import type { EndedRequest, Ending, QueuedRequest } from "./request.ts";

export interface AsyncWorkerPorts extends Pick<Announcer, "publish" | "region"> {
  readonly table: RequestTable;
  readonly store: ResourceStore;
  readonly objects: ObjectStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Has an endpoint of no instances start one. */
  readonly wake: (endpoint: string) => Promise<void>;
  /** A request to the instance failed. */
  readonly suspect: (instance: string) => void;
  readonly call: CallInstance;
  /** Where its metrics go. */
  readonly metrics?: MetricSink;
}

/** Used where MaxConcurrentInvocationsPerInstance is not set: AWS chooses "an optimal value" then. */
const PER_INSTANCE = 4;
const SWEEP_MS = 1_000;
/** How often it is told how many requests wait. */
const BACKLOG_MS = 10_000;
const BATCH = 64;
const AGAIN_MS = 1_000;
const LOOKS = 10;

/** An endpoint that requests wait for. */
interface Lane {
  readonly uid: string;
  route?: EndpointRoute | undefined;
  perInstance: number;
  /** Nobody will ever serve what waits. */
  closed: boolean;
  /** It was asked to have no instance. */
  asleep: boolean;
  /** Begun, and waiting for an instance to have no other request: one broke under each of them. */
  readonly alone: QueuedRequest[];
  pumping: boolean;
  again: boolean;
}

export class AsyncWorker implements AsyncDisposable {
  readonly #ports: AsyncWorkerPorts;
  readonly #attempts: Omit<AttemptPorts, "measure">;
  readonly #lanes = new Map<string, Lane>();
  /** Uids of endpoints by name, in lower case. */
  readonly #uids = new Map<string, string>();
  readonly #inFlight = new InFlight();
  readonly #running = new Set<Promise<void>>();
  readonly #stopping = new AbortController();
  #cancelSweep = () => {};
  #toldBacklogAt = -Infinity;

  private constructor(ports: AsyncWorkerPorts) {
    this.#ports = ports;
    const { objects, clock, table, call } = ports;
    this.#attempts = {
      objects,
      call,
      clock,
      inlineBody: (id) => table.body(id),
      stopping: this.#stopping.signal,
    };
  }

  /** Takes up what an earlier process left. */
  static async open(ports: AsyncWorkerPorts): Promise<AsyncWorker> {
    const { table, store, log } = ports;
    const worker = new AsyncWorker(ports);
    const begun = await table.recover();
    if (begun) log.warn("asynchronous requests that were under way are begun again", { requests: begun });
    const living = new Set<string>();
    for (const name of await store.names(EndpointKind)) {
      const endpoint = await store.get(EndpointKind, name);
      if (!endpoint || endpoint.status.state === "Deleting" || endpoint.status.state === "Failed") continue;
      living.add(endpoint.uid);
      worker.#uids.set(name.toLowerCase(), endpoint.uid);
    }
    for (const uid of table.endpoints()) worker.#lane(uid).closed = !living.has(uid);
    for (const ended of table.ended()) worker.#track(worker.#settle(ended));
    worker.#sweep();
    return worker;
  }

  /** The endpoint's requests go this way from now on; undefined: nowhere. */
  async routed(name: string, route: EndpointRoute | undefined): Promise<void> {
    const endpoint = await this.#ports.store.get(EndpointKind, name);
    const key = name.toLowerCase();
    const before = this.#uids.get(key);
    if (before !== undefined && before !== endpoint?.uid) this.#close(before);
    if (!endpoint) return void this.#uids.delete(key);
    const { uid, spec, status } = endpoint;
    this.#uids.set(key, uid);
    const config = (status.live ?? spec).asyncInference;
    if (status.state === "Deleting" || status.state === "Failed" || !config)
      return this.#lanes.has(uid) ? this.#close(uid) : undefined;
    const lane = this.#lane(uid);
    lane.closed = false;
    lane.route = route;
    lane.perInstance = config.ClientConfig?.MaxConcurrentInvocationsPerInstance ?? PER_INSTANCE;
    lane.asleep = spec.variants.every(({ instanceCount, weight }) => instanceCount === 0 || weight === 0);
    this.#pump(lane);
  }

  /** A request was added for this endpoint. */
  added(uid: string): void {
    this.#pump(this.#lane(uid));
  }

  /** Requests that the fleet has now. */
  inFlight(fleet: string): number {
    return this.#inFlight.of(fleet);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    this.#cancelSweep();
    while (this.#running.size) await Promise.allSettled(this.#running);
  }

  #lane(uid: string): Lane {
    let lane = this.#lanes.get(uid);
    if (!lane) {
      lane = {
        uid,
        perInstance: PER_INSTANCE,
        closed: false,
        asleep: false,
        alone: [],
        pumping: false,
        again: false,
      };
      this.#lanes.set(uid, lane);
    }
    return lane;
  }

  #close(uid: string): void {
    const lane = this.#lane(uid);
    lane.closed = true;
    lane.route = undefined;
    this.#pump(lane);
  }

  #sweep(): void {
    const { clock, table } = this.#ports;
    for (const lane of this.#lanes.values()) this.#pump(lane);
    this.#tellBacklog();
    const late = table.expired(clock.now(), BATCH);
    this.#track(
      Promise.all(late.map((row) => this.#giveUp(row, row.attempt, expired(row.request.ttlSeconds)))).then(
        () => {
          if (!this.#stopping.signal.aborted)
            this.#cancelSweep = clock.after(late.length ? 0 : SWEEP_MS, () => this.#sweep());
        },
      ),
    );
  }

  #tellBacklog(): void {
    const { clock, table, metrics } = this.#ports;
    const now = clock.now();
    if (!metrics || now - this.#toldBacklogAt < BACKLOG_MS) return;
    this.#toldBacklogAt = now;
    for (const { uid, route } of this.#lanes.values())
      if (route) measureBacklog(metrics, route, table.waiting(uid), now);
  }

  #measure({ request }: QueuedRequest): Measure {
    return measureTo(this.#ports.metrics, this.#lanes.get(request.endpointUid)?.route);
  }

  /** Begins what can begin; one at a time for each endpoint. */
  #pump(lane: Lane): void {
    lane.again = true;
    if (lane.pumping || this.#stopping.signal.aborted) return;
    lane.pumping = true;
    this.#track(
      (async () => {
        while (lane.again && !this.#stopping.signal.aborted) {
          lane.again = false;
          await (lane.closed ? this.#turnAway(lane) : this.#begin(lane));
        }
      })().finally(() => (lane.pumping = false)),
    );
  }

  async #begin(lane: Lane): Promise<void> {
    const { table, clock } = this.#ports;
    const waits = lane.alone.length > 0;
    const free = lane.route ? freeSeats(lane.route, lane.perInstance, this.#inFlight) : 0;
    if (free === 0 && !lane.asleep) return;
    if (!waits && table.backlog(lane.uid, 1) === 0) return;
    if (free === 0) return this.#wake(lane);
    if (waits) return this.#beginAlone(lane);
    const rows = await this.#keep(() => table.lease(lane.uid, clock.now(), Math.min(free, BATCH)));
    for (const row of rows ?? []) {
      const seat = row.breaks > 0 ? undefined : this.#seat(lane, lane.perInstance);
      if (seat) this.#track(this.#run(lane, row, seat, 1));
      else lane.alone.push(row);
    }
    if (rows?.length) lane.again = true;
  }

  /** One request that breaks its instance must not take those beside it along, time after time. */
  #beginAlone(lane: Lane): void {
    const seat = this.#seat(lane, 1);
    if (!seat) return;
    this.#track(this.#run(lane, lane.alone.shift()!, seat, lane.perInstance));
    lane.again = true;
  }

  #seat({ route }: Lane, perInstance: number): Seat | undefined {
    return route && pickSeat(route, perInstance, this.#inFlight, this.#ports.random.number());
  }

  async #wake(lane: Lane): Promise<void> {
    const name = [...this.#uids].find(([, uid]) => uid === lane.uid)?.[0];
    lane.asleep = false; // until it is routed again
    try {
      if (name !== undefined) await this.#ports.wake(name);
    } catch (error) {
      lane.asleep = true;
      this.#ports.log.warn("an endpoint with waiting requests could not be woken", { endpoint: name, error });
    }
  }

  async #turnAway(lane: Lane): Promise<void> {
    const rows = [...lane.alone.splice(0), ...this.#ports.table.queued(lane.uid, BATCH)];
    await Promise.all(rows.map((row) => this.#giveUp(row, row.attempt, endpointGone(row.request.endpoint))));
    if (rows.length) lane.again = true;
    else if (![...this.#uids.values()].includes(lane.uid)) this.#lanes.delete(lane.uid);
  }

  /** One attempt, and what follows from it. */
  async #run(lane: Lane, row: QueuedRequest, seat: Seat, places: number): Promise<void> {
    const { table, clock, log, suspect } = this.#ports;
    const facts = { inferenceId: row.request.inferenceId, attempt: row.attempt };
    const result = await this.#seated(lane, row, seat, places);
    if (result.kind === "stopped") return;
    if (result.kind === "succeeded" || result.kind === "failed") return this.#end(row, result);
    if (result.kind !== "not-stored") suspect(seat.instance.id);
    const routed = lane.route?.variants.some(({ instances }) =>
      instances.some(({ id }) => id === seat.instance.id),
    );
    const trouble = result.kind === "broke" ? { ...result, left: !routed } : result;
    log.warn("an attempt at an asynchronous request failed", { ...facts, ...trouble });
    const step = nextStep(row, trouble, clock.now());
    if (step.kind === "give-up") await this.#giveUp(row, 0, step.reason);
    else await this.#keep(() => table.requeue(row, step.dueAt, step.counts));
  }

  /** The part of it that needs the instance. The next one begins, in one commit with what is written of this one. */
  async #seated(lane: Lane, row: QueuedRequest, seat: Seat, places: number): Promise<AttemptResult> {
    const { clock } = this.#ports;
    const { expiresAt, ttlSeconds } = row.request;
    this.#inFlight.enter(seat, places);
    try {
      const found = await this.#earlier(row, row.attempt - 1);
      if (this.#stopping.signal.aborted) return { kind: "stopped" };
      if (found) return found;
      const now = clock.now();
      if (now >= expiresAt) return { kind: "failed", at: now, reason: expired(ttlSeconds) };
      const measure = this.#measure(row);
      if (row.attempt === 1) measure("TimeInBacklog", now - row.request.receivedAt);
      return await attempt(row, seat.instance.address, { ...this.#attempts, measure });
    } finally {
      this.#inFlight.leave(seat, places);
      this.#pump(lane);
    }
  }

  /** `earlier`: how many attempts there were, one of which may have left the result after all. */
  async #giveUp(row: QueuedRequest, earlier: number, reason: string): Promise<void> {
    const found = await this.#earlier(row, earlier);
    if (this.#stopping.signal.aborted) return;
    await this.#end(row, found ?? { kind: "failed", at: this.#ports.clock.now(), reason });
  }

  /** What one of the earlier attempts left where the result belongs: it is the first, so it stays. */
  async #earlier(row: QueuedRequest, attempts: number): Promise<Ending | undefined> {
    if (attempts === 0) return undefined;
    const { objects, clock, log } = this.#ports;
    const look = () => earlierResult(row, objects, clock.now());
    return this.#keep(look, LOOKS).catch((error: unknown) => {
      log.warn("whether a result is there already could not be found out", { error });
      return undefined;
    });
  }

  async #end(row: QueuedRequest, ending: Ending): Promise<void> {
    const { table, log } = this.#ports;
    const { request } = row;
    if (ending.kind === "failed")
      log.warn("an asynchronous request failed", {
        inferenceId: request.inferenceId,
        endpoint: request.endpoint,
        reason: ending.reason,
      });
    // the result lies where it belongs, and nobody else is to be told
    const last = ending.kind === "succeeded" && !topicOf(request, ending);
    const first = await this.#keep(() => (last ? table.remove(row) : table.end(row, ending)));
    if (!first) return;
    measureEnd(this.#measure(row), request, ending);
    if (!last) this.#track(this.#settle({ ...row, ending }));
  }

  /** Tells those who should know, and forgets the request. */
  async #settle(row: EndedRequest): Promise<void> {
    const { table } = this.#ports;
    if (await announce(row, { ...this.#ports, stopping: this.#stopping.signal }))
      await this.#keep(() => table.remove(row));
  }

  /** Until it works: what a full disk refuses now must not be forgotten. Undefined once the worker stops. */
  async #keep<Result>(work: () => Promise<Result>, most = Infinity): Promise<Result | undefined> {
    const { clock, log } = this.#ports;
    const { signal } = this.#stopping;
    for (let tries = 0; !signal.aborted; tries++)
      try {
        return await work();
      } catch (error) {
        if (tries >= most) throw error;
        if (tries === 0) log.error("the queue of asynchronous requests waits for its storage", { error });
        await sleep(clock, AGAIN_MS, signal).catch(() => {});
      }
    return undefined;
  }

  #track(work: Promise<unknown>): void {
    const tracked: Promise<void> = work
      .then(
        () => {},
        (error: unknown) =>
          this.#ports.log.error("an asynchronous request went wrong unexpectedly", { error }),
      )
      .finally(() => this.#running.delete(tracked));
    this.#running.add(tracked);
  }
}
