import type { Random } from "../../base/random.ts";

/** 1 s, 2 s, 4 s ... 60 s, each at a random point of its second half, so that processes do not start in step. */
export function backoffMs(failures: number, random: Random): number {
  const full = Math.min(60_000, 1000 * 2 ** Math.min(failures - 1, 16));
  return full / 2 + (full / 2) * random.number();
}
