/** The mutation check of the simulation: a mistake planted into control's ports must be found by some seed. */
import { expect, test } from "vitest";
import { PLANTED_BUGS } from "./planted-bugs.ts";
import { simulate } from "./simulation.ts";

const SEEDS = 500;

test.each(Object.entries(PLANTED_BUGS))(`within ${SEEDS} seeds it is found that %s`, async (_, bug) => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const { violations } = await simulate(seed, { bug });
    if (violations.length > 0) return;
  }
  expect.unreachable(`no violation in ${SEEDS} seeds`);
});
