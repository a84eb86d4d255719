/** The way past node:http for connections on which nothing but plain requests come; all else is given to node:http. */
import type { Socket } from "node:net";
import type { Clock } from "../../base/clock.ts";
import { PlainConnection, type PlainOwner } from "./plain-connection.ts";
import type { PlainService } from "./plain-exchange.ts";

/** A request that is not there as a whole after one to two of these is node:http's, whose timeouts begin then. */
const LOOK_MS = 100;

export interface FastPathOptions {
  readonly service: PlainService;
  readonly clock: Clock;
  readonly keepAliveTimeoutMs: number;
  readonly give: (socket: Socket) => void;
  readonly brokenOff: (socket: Socket) => void;
  /** Called when a request begins, and when its whole answer is written or nobody hears it any more. */
  readonly begun: () => void;
  readonly ended: () => void;
}

export class FastPath implements PlainOwner {
  readonly service: PlainService;
  readonly keepAliveTimeoutMs: number;
  leaving = false;
  readonly give: (socket: Socket) => void;
  readonly brokenOff: (socket: Socket) => void;
  readonly begun: () => void;
  readonly ended: () => void;
  readonly #clock: Clock;
  readonly #open = new Set<PlainConnection>();
  /** Waiting since the last look, and since the one before. */
  #waiting = new Set<PlainConnection>();
  #overdue = new Set<PlainConnection>();
  #cancelLook: (() => void) | undefined;
  #date = "";
  #second = 0;

  constructor({ service, clock, keepAliveTimeoutMs, give, brokenOff, begun, ended }: FastPathOptions) {
    this.service = service;
    this.#clock = clock;
    this.keepAliveTimeoutMs = keepAliveTimeoutMs;
    this.give = give;
    this.brokenOff = brokenOff;
    this.begun = begun;
    this.ended = ended;
  }

  /** Takes a connection of which nothing has been read. */
  admit(socket: Socket): void {
    if (this.leaving) this.give(socket);
    else this.#open.add(new PlainConnection(this, socket));
  }

  /** Gives every connection to node:http as soon as nothing is in flight on it. */
  leave(): void {
    this.leaving = true;
    for (const connection of this.#open) connection.giveUp();
  }

  /** Cuts what is left. */
  destroy(): void {
    for (const connection of this.#open) connection.destroy();
  }

  date(): string {
    const now = this.#clock.now();
    const second = Math.floor(now / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#date = new Date(now).toUTCString();
    }
    return this.#date;
  }

  waits(connection: PlainConnection): void {
    if (this.#overdue.has(connection)) return;
    this.#waiting.add(connection);
    this.#cancelLook ??= this.#clock.after(LOOK_MS, this.#look);
  }

  arrived(connection: PlainConnection): void {
    if (this.#waiting.size > 0) this.#waiting.delete(connection);
    if (this.#overdue.size > 0) this.#overdue.delete(connection);
    this.#stopLooking();
  }

  forget(connection: PlainConnection): void {
    this.#open.delete(connection);
    this.arrived(connection);
  }

  #stopLooking(): void {
    if (this.#waiting.size + this.#overdue.size > 0) return;
    this.#cancelLook?.();
    this.#cancelLook = undefined;
  }

  readonly #look = (): void => {
    const overdue = this.#overdue;
    this.#overdue = this.#waiting;
    this.#waiting = new Set();
    this.#cancelLook = this.#clock.after(LOOK_MS, this.#look);
    for (const connection of overdue) connection.giveUp();
    this.#stopLooking();
  };
}
