import { MARKS, type Mark } from "../../base/instance-channel.ts";

/** How far a program is, as it says itself on its channel, and who waits for that. */
export class Marks {
  readonly #reached = Object.fromEntries(
    Object.values(MARKS).map((mark) => [mark, Promise.withResolvers<void>()]),
  ) as Record<Mark, PromiseWithResolvers<void>>;
  #last: Mark | undefined;

  /** What it said last. */
  get last(): Mark | undefined {
    return this.#last;
  }

  reach(mark: Mark): void {
    this.#last = mark;
    this.#reached[mark].resolve();
  }

  reached(mark: Mark): Promise<void> {
    return this.#reached[mark].promise;
  }
}
