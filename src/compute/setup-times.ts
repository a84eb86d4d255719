import type { FleetStatus } from "./engine.ts";

/** How long instances took to come up, told once for each. */
export class SetupTimes {
  readonly #since: number;
  /** When the last one of each fleet that was told of became ready. */
  readonly #last = new Map<string, number>();

  /** Of those that become ready after `since`. */
  constructor(since: number) {
    this.#since = since;
  }

  /** In ms, of the instances that became ready since the last look. */
  look(fleet: string, status: FleetStatus | undefined): number[] {
    if (!status) {
      this.#last.delete(fleet);
      return [];
    }
    const last = this.#last.get(fleet) ?? this.#since;
    const news = status.instances.filter(({ timeline }) => (timeline.ready ?? -Infinity) > last);
    this.#last.set(fleet, Math.max(last, ...news.map(({ timeline }) => timeline.ready!)));
    return news.map(({ restarts, timeline }) => {
      const { pending, starting, ready } = timeline;
      // one that is started again has what it needs
      return ready! - ((restarts === 0 ? pending : starting) ?? ready!);
    });
  }
}
