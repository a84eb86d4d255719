import { describe, expect, test } from "vitest";
import { ALWAYS_TAKEN, Pace } from "../../src/dataplane/pace.ts";

/** A model with so many workers, each of which takes so long, in virtual time; each request is one that waits its turn. */
class Simulation {
  readonly #pace = new Pace();
  outstanding = 0;
  readonly #workers: number[];
  now = 0;
  waits: number[] = [];
  refused = 0;
  serviceMs: number;
  readonly #instances: number;
  #inFlight: { start: number; end: number; alone: boolean }[] = [];

  constructor(workers: number, serviceMs: number, instances = 1) {
    this.#workers = Array.from({ length: workers }, () => 0);
    this.serviceMs = serviceMs;
    this.#instances = instances;
  }

  #settle(until: number): void {
    for (;;) {
      let first = -1;
      for (let i = 0; i < this.#inFlight.length; i++)
        if (
          this.#inFlight[i]!.end <= until &&
          (first < 0 || this.#inFlight[i]!.end < this.#inFlight[first]!.end)
        )
          first = i;
      if (first < 0) return;
      const [{ start, end, alone }] = this.#inFlight.splice(first, 1) as [
        { start: number; end: number; alone: boolean },
      ];
      this.waits.push(end - start);
      this.#pace.answered(end - start, alone, this.outstanding--, end);
    }
  }

  /** One request at the time `at`; whether it was taken. */
  request(at: number): boolean {
    this.#settle(at);
    this.now = at;
    if (
      this.outstanding >= 256 * this.#instances ||
      !this.#pace.admits(this.outstanding, this.#instances, 900, at)
    ) {
      this.refused++;
      return false;
    }
    const worker = this.#workers.indexOf(Math.min(...this.#workers));
    const end = Math.max(at, this.#workers[worker]!) + this.serviceMs;
    this.#workers[worker] = end;
    this.#inFlight.push({ start: at, end, alone: this.outstanding === 0 });
    this.outstanding++;
    return true;
  }

  /** An open loop: so many a second for so long. Resets the counts first. */
  load(perSecond: number, seconds: number): { answered: number; refused: number; late: number } {
    this.waits = [];
    this.refused = 0;
    const from = this.now;
    for (let i = 1; i <= perSecond * seconds; i++) this.request(from + (i * 1000) / perSecond);
    return {
      answered: this.waits.length,
      refused: this.refused,
      late: this.waits.filter((wait) => wait > 1000).length,
    };
  }
}

describe("under an open loop", () => {
  test.each([5, 20])(
    "a model of 200 a second, asked %i times that: nearly all that it does is in time",
    (times) => {
      const model = new Simulation(1, 5);
      model.load(200 * times, 3);
      const { answered, refused, late } = model.load(200 * times, 5);
      expect(answered).toBeGreaterThan(990);
      expect(late).toBe(0);
      expect(refused).toBeGreaterThan(200 * (times - 1) * 5 - 20);
    },
  );

  test("what it can do is not refused", () => {
    const model = new Simulation(1, 5);
    expect(model.load(190, 10).refused).toBe(0);
  });

  test("a model that becomes slower is asked less, one that recovers more", () => {
    const model = new Simulation(1, 5);
    model.load(1000, 3);
    model.serviceMs = 50;
    model.load(1000, 15); // what was taken before takes 9 s now
    expect(model.load(1000, 5)).toMatchObject({ answered: 100, late: 0 });
    model.serviceMs = 5;
    model.load(1000, 3);
    expect(model.load(1000, 3).answered).toBeGreaterThan(590);
  });
});

describe("closed loops", () => {
  /** So many callers, each of which asks again as soon as it is answered. */
  function closed(model: Simulation, callers: number, ms: number): number {
    const until = model.now + ms;
    for (let at = model.now; at < until; at += 1)
      while (model.outstanding < callers && model.request(at)) continue;
    return model.refused;
  }

  test.each([
    ["256 callers of a fast model", 1, 0.1, 256],
    ["64 callers of a model that waits 1 s for something else", 1000, 1000, 64],
    ["200 callers of one that waits 3 s", 1000, 3000, 200],
    ["16 notebooks on a model of 5 s", 1, 5000, 16],
    ["64 callers of 64 workers that take 0.5 s", 64, 500, 64],
  ])("%s: none is refused", (_what, workers, serviceMs, callers) => {
    expect(closed(new Simulation(workers, serviceMs), callers, 20_000)).toBe(0);
  });

  test("a burst after a quiet hour is taken", () => {
    const model = new Simulation(32, 100);
    for (let i = 0; i < 20; i++) model.request(i * 1000);
    for (let i = 0; i < 32; i++) model.request(3_600_000 + i / 100);
    expect(model.refused).toBe(0);
  });

  test("an async server that was slow at first is found to be fast later", () => {
    const model = new Simulation(200, 4000);
    model.load(400, 10);
    model.serviceMs = 100;
    model.load(400, 10);
    expect(model.load(400, 5).refused).toBe(0);
  });
});

test("so few per instance are always taken, and before any answer all are", () => {
  const slow = new Simulation(1, 60_000);
  for (let i = 0; i < 100; i++) expect(slow.request(i)).toBe(true);
  const model = new Simulation(1, 1000, 2);
  model.load(50, 200); // more than a hundred are taken before the first two answers
  expect(model.outstanding).toBe(2 * ALWAYS_TAKEN);
});
