/** Which of a variant's instances an invocation goes to. */

export interface Candidate {
  /** Requests that it has and has not answered. */
  readonly outstanding: number;
  /** Until then it is used only where no other is left: it failed lately. */
  readonly avoidUntil: number;
}

/**
 * The instance with the fewest outstanding requests (ties broken by `chance`), or any one. Instances that failed lately
 * and the one that was `tried` before are passed over; the first only while there is another, the second always.
 */
export function pickInstance<I extends Candidate>(
  instances: readonly I[],
  routing: "LEAST_OUTSTANDING_REQUESTS" | "RANDOM",
  now: number,
  chance: number,
  tried?: I,
): I | undefined {
  const start = Math.floor(chance * instances.length);
  let best: I | undefined;
  let bestRank = Infinity;
  for (let i = 0; i < instances.length; i++) {
    const one = instances[(start + i) % instances.length]!;
    if (one === tried) continue;
    const rank = (routing === "RANDOM" ? 0 : one.outstanding) + (one.avoidUntil > now ? AVOIDED : 0);
    if (rank < bestRank) {
      best = one;
      bestRank = rank;
      if (rank === 0) break;
    }
  }
  return best;
}

/**
 * A worker, which takes one request at a time, that has none and did not just fail. Any of them by `chance`: other gateways
 * choose among the same.
 */
export function freeWorker<I extends Candidate>(
  workers: readonly I[],
  now: number,
  chance: number,
): I | undefined {
  const start = Math.floor(chance * workers.length);
  for (let i = 0; i < workers.length; i++) {
    const one = workers[(start + i) % workers.length]!;
    if (one.outstanding === 0 && one.avoidUntil <= now) return one;
  }
  return undefined;
}

/** More than any number of outstanding requests. */
const AVOIDED = 1e9;
