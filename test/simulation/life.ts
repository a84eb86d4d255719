import type { Clock } from "../../src/base/clock.ts";
import type { World } from "./world.ts";

/** What a life needs of its world. */
export type Surroundings = Pick<World, "time" | "dice" | "chronicle" | "killControl"> & {
  readonly plan: Pick<World["plan"], "crashAtPort" | "slowPorts">;
};

/** An error that a fault plan put in the way; any other error that control meets is a defect. */
export class InjectedFault extends Error {
  override readonly name = "InjectedFault";
}

/** 2026-01-01: what the wall clock shows when a run begins. */
const EPOCH = Date.UTC(2026, 0, 1);

/**
 * One life of the control process. All that it awaits from outside goes through here: when it ends, no timer of it fires
 * and no promise of it settles any more, as if its memory were gone.
 */
export class Life {
  readonly number: number;
  readonly #world: Surroundings;
  readonly #onEnd: (() => void)[] = [];
  #ended = false;

  constructor(world: Surroundings, number: number) {
    this.#world = world;
    this.number = number;
  }

  get ended(): boolean {
    return this.#ended;
  }

  end(): void {
    this.#ended = true;
    for (const tell of this.#onEnd.splice(0)) tell();
  }

  onEnd(tell: () => void): void {
    if (this.#ended) tell();
    else this.#onEnd.push(tell);
  }

  readonly clock: Clock = {
    now: () => EPOCH + this.#world.time.now,
    monotonic: () => this.#world.time.now,
    after: (delayMs, callback) => this.after(delayMs, callback),
  };

  after(delayMs: number, callback: () => void): () => void {
    return this.#world.time.after(delayMs, () => {
      if (!this.#ended) callback();
    });
  }

  /** A call out of control: it may take its time, and control may die before it is done, after it, or while it waits. */
  async port<Result>(name: string, effect: () => Result | Promise<Result>): Promise<Result> {
    const { plan, dice } = this.#world;
    await this.#pass(plan.slowPorts);
    if (dice.chance(plan.crashAtPort / 2)) await this.#die(`before ${name}`);
    const result = await effect();
    if (this.#ended) await never();
    if (dice.chance(plan.crashAtPort / 2)) await this.#die(`after ${name}`);
    await this.#pass(plan.slowPorts);
    return result;
  }

  async #pass(slowness: number): Promise<void> {
    const { dice } = this.#world;
    if (this.#ended) await never();
    if (!dice.chance(slowness)) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.after(dice.between(0.1, 25), resolve);
    await promise;
  }

  async #die(where: string): Promise<never> {
    this.#world.chronicle.fault(`control dies ${where}`);
    this.#world.killControl();
    return never();
  }
}

const never = () => new Promise<never>(() => {});
