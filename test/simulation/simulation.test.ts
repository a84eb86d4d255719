import { expect, test } from "vitest";
import { simulate } from "./simulation.ts";
import { Tally } from "./tally.ts";

const SEEDS = 1_000;

/**
 * Seeds beyond those that each found a defect: fleets left over when the engine failed to stop them, routes of failed
 * endpoints, refusals that were not true. What a seed does changes with the simulation; they are kept all the same.
 */
const FOUND_SOMETHING = [1055, 1089, 1246, 1288, 1336, 1344, 1349, 1382, 1478];

/** Every fault that a run may have: one that never strikes is a dead part of the simulation. */
const FAULTS = [
  "a client tries again by name",
  "a download does not end",
  "a gateway acknowledges after more than a second",
  "a gateway dies",
  "a gateway stalls",
  "a model or configuration in use is deleted",
  "a notice of the engine comes late",
  "a notice of the engine comes twice",
  "a request takes long",
  "a serverless endpoint has no room for one more",
  "an artifact is missing or another",
  "an artifact is replaced or deleted",
  "an image is not known",
  "an instance crashes",
  "an instance crashes at its start",
  "an instance hangs",
  "an instance ignores SIGTERM",
  "an instance is never healthy",
  "an instance runs that no endpoint owns",
  "concurrent CreateEndpoint",
  "concurrent DeleteEndpoint",
  "concurrent DescribeEndpoint",
  "concurrent UpdateEndpoint",
  "concurrent UpdateEndpointWeightsAndCapacities",
  "control dies after a read",
  "control dies after engine.apply",
  "control dies after engine.delete",
  "control dies after the commit of a create",
  "control dies after the commit of a remove",
  "control dies after the commit of a update",
  "control dies after the publication of a route",
  "control dies after the question what is in flight",
  "control dies at any moment",
  "control dies before a read",
  "control dies before engine.apply",
  "control dies before engine.delete",
  "control dies before the commit of a create",
  "control dies before the commit of a remove",
  "control dies before the commit of a update",
  "control dies before the publication of a route",
  "control dies before the question what is in flight",
  "control finds a running instance again",
  "engine.apply fails, and all was done",
  "engine.apply fails, and nothing was done",
  "engine.delete fails",
  "the engine always refuses a fleet",
  "the machine dies",
  "the routing table on disk loses its end",
];

/** Every invariant: one that is never held against anything shows nothing. */
const INVARIANTS = [
  "a failure has its reason",
  "a fleet is stopped only when no gateway routes to it",
  "a new endpoint is Creating",
  "a refusal of a serverless endpoint has its cause",
  "a refusal tells the truth",
  "a request to a serverless endpoint gets a worker or a refusal in time",
  "a serverless endpoint never has more workers than its MaxConcurrency",
  "a status takes declared arrows only",
  "an endpoint in service answers",
  "an endpoint is InService only when every gateway routes to it",
  "at rest nothing is looked at",
  "at rest nothing is written",
  "control logs no error but injected ones",
  "every endpoint comes to rest",
  "every fleet in service is whole",
  "every instance of a fleet in service loads the same bytes",
  "no endpoint is written without end",
  "no fleet is left over",
  "no request is cut by the stop of a fleet within its time",
  "no route is left over",
  "nothing acknowledged is lost, and nothing is done twice",
  "only what is being deleted is forgotten",
  "the API refuses in AWS's words only",
  "the routing table says what the store says",
  "versions grow by one",
  "what is served goes on being served",
  "what serves is what is asked for",
  "what was acknowledged last is what is",
  "without requests there are the workers that are provisioned",
];

test(`${SEEDS} seeds break no invariant, and reach every fault and every invariant`, async () => {
  const tally = new Tally();
  for (let seed = 1; seed <= SEEDS; seed++) tally.add(await simulate(seed));
  console.log(tally.report());
  expect(tally.failed()).toBe("");
  expect([...tally.faults.keys()].toSorted()).toEqual(FAULTS);
  expect([...tally.checks.keys()].toSorted()).toEqual(INVARIANTS);
}, 300_000);

test("seeds that found something once find nothing now", async () => {
  const tally = new Tally();
  for (const seed of FOUND_SOMETHING) tally.add(await simulate(seed));
  expect(tally.failed()).toBe("");
});

test("a seed has one history", async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const { digest, events } = await simulate(seed);
    expect(await simulate(seed)).toMatchObject({ digest, events });
  }
});
