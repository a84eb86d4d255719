import { expect, test } from "vitest";
import { simulateScaling } from "./scaling.ts";
import { Tally } from "./tally.ts";

const SEEDS = 500;

/** Every fault that a run may have, and every invariant: one that never comes shows nothing. */
const FAULTS = [
  "a minute without a metric",
  "an update is rolled back",
  "control dies after a read",
  "control dies after the change of a capacity",
  "control dies after the commit of a create",
  "control dies after the commit of a update",
  "control dies after the put of an alarm",
  "control dies before a read",
  "control dies before the change of a capacity",
  "control dies before the commit of a create",
  "control dies before the commit of a update",
  "control dies before the put of an alarm",
  "somebody puts the policy anew",
  "somebody sets other bounds",
  "somebody sets the count by hand",
];
const INVARIANTS = [
  "a change has its activity on record",
  "a change is noted with what was before it",
  "in the end nothing is under way",
  "in the end the capacity is within its bounds",
  "in the end there are the policy's alarms and no others",
  "in the end there is enough for the traffic",
  "in the end there is no more than the traffic needs",
  "never above the maximum, never below the minimum",
  "no flapping inside a cooldown",
  "nothing is taken away for want of data",
  "what was noted is not done twice",
];

test(`${SEEDS} seeds of scaling break no invariant (a failing one: main.ts --scaling --seed N --trace)`, async () => {
  const tally = new Tally();
  for (let seed = 1; seed <= SEEDS; seed++) tally.add(await simulateScaling(seed));
  console.log(tally.report());
  expect(tally.failures).toEqual([]);
  expect([...tally.faults.keys()]).toEqual(expect.arrayContaining(FAULTS));
  expect([...tally.checks.keys()].toSorted()).toEqual(INVARIANTS);
}, 300_000);

test("a seed of scaling has one history", async () => {
  const { digest, events } = await simulateScaling(7);
  expect(await simulateScaling(7)).toMatchObject({ digest, events });
});
