/** Brings what was kept to its recipients, again and again until it is there or nobody hopes any more. */
import type { Clock } from "../clock.ts";
import type { Log } from "../log.ts";
import type { GroupCommit } from "../sqlite/group-commit.ts";
import type { Delivery, DeliveryTable } from "./delivery-table.ts";

/** To one recipient, so that a slow one takes no more than this. */
const MOST_AT_ONCE = 4;
/** To all of them. */
const MOST_OVER_ALL = 64;
/** After an error of our own: a full disk, say. */
const RETRY_MS = 5_000;

export interface DeliveryPorts<Message> {
  readonly table: DeliveryTable<Message>;
  readonly group: GroupCommit;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * One attempt. Resolves with the pause before the next one where it failed, else nothing is left to be done. What it
 * throws is an error of our own, which does not count as an attempt. The signal aborts when the process stops.
 */
export type Deliver<Message> = (
  delivery: Delivery<Message>,
  signal: AbortSignal,
) => Promise<{ readonly retryMs: number } | undefined>;

interface Lane {
  readonly underWay: Set<number>;
  cancelTimer: () => void;
}

export class DeliveryLanes<Message> implements AsyncDisposable {
  readonly #ports: DeliveryPorts<Message>;
  readonly #deliver: Deliver<Message>;
  readonly #lanes = new Map<string, Lane>();
  /** Lanes that wait until others have ended something. */
  readonly #starved = new Set<string>();
  readonly #running = new Set<Promise<void>>();
  readonly #stopping = new AbortController();

  constructor(ports: DeliveryPorts<Message>, deliver: Deliver<Message>) {
    this.#ports = ports;
    this.#deliver = deliver;
  }

  /** Takes up what an earlier process left. */
  start(): void {
    this.wake(this.#ports.table.lanes());
  }

  /** Resolves once the message can not be lost any more. */
  async add(message: Message, lanes: readonly string[]): Promise<void> {
    const { group, table, clock } = this.#ports;
    await group.write(() => table.add(message, lanes, clock.now()));
    this.wake(lanes);
  }

  /** Something was written for them. */
  wake(lanes: Iterable<string>): void {
    for (const lane of lanes) this.#pump(lane);
  }

  /** The recipient is gone. */
  async forget(lane: string): Promise<void> {
    await this.#ports.group.write(() => this.#ports.table.removeAll(lane));
  }

  /** Ends attempts under way: they are made again at the next start. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort(new Error("The server is stopping."));
    for (const { cancelTimer } of this.#lanes.values()) cancelTimer();
    await Promise.all(this.#running);
  }

  /** Begins what is due for one recipient, as far as the bounds allow, and sets a timer for what is due later. */
  #pump(name: string): void {
    if (this.#stopping.signal.aborted) return;
    const { table, clock } = this.#ports;
    const lane = this.#lanes.get(name) ?? { underWay: new Set(), cancelTimer: () => {} };
    this.#lanes.set(name, lane);
    lane.cancelTimer();
    while (lane.underWay.size < MOST_AT_ONCE) {
      if (this.#running.size >= MOST_OVER_ALL) {
        this.#starved.add(name);
        return;
      }
      const next = table.next(name, [...lane.underWay]);
      if (!next) break;
      const waitMs = next.dueAt - clock.now();
      if (waitMs > 0) {
        lane.cancelTimer = clock.after(waitMs, () => this.#pump(name));
        return;
      }
      this.#begin(next, lane);
    }
    if (lane.underWay.size === 0) this.#lanes.delete(name);
  }

  #begin(delivery: Delivery<Message>, lane: Lane): void {
    lane.underWay.add(delivery.id);
    const running = this.#attempt(delivery)
      .catch((error: unknown) => this.#postpone(delivery, error))
      .finally(() => {
        lane.underWay.delete(delivery.id);
        this.#running.delete(running);
        this.#pump(delivery.lane);
        const waiting = [...this.#starved];
        this.#starved.clear();
        for (const name of waiting) this.#pump(name);
      });
    this.#running.add(running);
  }

  async #attempt(delivery: Delivery<Message>): Promise<void> {
    const { table, group, clock } = this.#ports;
    const { id, failures } = delivery;
    const again = await this.#deliver(delivery, this.#stopping.signal);
    await group.write(() => {
      if (again) table.postpone(id, failures + 1, clock.now() + again.retryMs);
      else table.remove(id);
    });
  }

  /** Not the recipient's fault: it does not count as an attempt. */
  async #postpone({ id, failures, lane }: Delivery<Message>, error: unknown): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    const { group, table, clock, log } = this.#ports;
    log.error("A notification could not be handled; it is tried again.", { lane, error });
    await group
      .write(() => table.postpone(id, failures, clock.now() + RETRY_MS))
      .catch(() => {
        // nothing can be written: wait for better times, or the lane would spin
        return new Promise<void>((resolve) => {
          const cancel = clock.after(RETRY_MS, resolve);
          this.#stopping.signal.addEventListener("abort", () => (cancel(), resolve()), { once: true });
        });
      });
  }
}
