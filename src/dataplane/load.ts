/** Counts what is in flight to a fleet or an endpoint, and tells when it is nothing. */
export class Load {
  outstanding = 0;
  #idle: (() => void)[] = [];

  leave(): void {
    if (--this.outstanding === 0) for (const tell of this.#idle.splice(0)) tell();
  }

  /** Resolves when nothing is in flight. */
  idle(): Promise<void> {
    return this.outstanding === 0 ? Promise.resolve() : new Promise((resolve) => this.#idle.push(resolve));
  }
}
