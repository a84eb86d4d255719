import type { Clock } from "../../base/clock.ts";

/** Lets writes that are under way at once arrive together, so that they share a commit; none waits long for the others. */
export class Gathering {
  readonly #clock: Clock;
  readonly #mostMs: number;
  #underWay = 0;
  #arrived: (() => void)[] = [];
  #cancel: (() => void) | undefined;

  constructor(clock: Clock, mostMs: number) {
    this.#clock = clock;
    this.#mostMs = mostMs;
  }

  /** A write begins; the function it gives is to be called when it has ended, whatever became of it. */
  begin(): Disposable {
    this.#underWay++;
    return {
      [Symbol.dispose]: () => {
        this.#underWay--;
        this.#look();
      },
    };
  }

  /** Resolves when all that are under way are here, or some time after the first of them was. */
  arrive(): Promise<void> {
    return new Promise((resolve) => {
      this.#arrived.push(resolve);
      this.#look();
    });
  }

  #look(): void {
    if (this.#arrived.length === 0) return;
    if (this.#arrived.length >= this.#underWay) this.#go();
    else this.#cancel ??= this.#clock.after(this.#mostMs, () => this.#go());
  }

  #go(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    const arrived = this.#arrived;
    this.#arrived = [];
    for (const resolve of arrived) resolve();
  }
}
