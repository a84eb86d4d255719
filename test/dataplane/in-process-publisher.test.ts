import type { ServerResponse } from "node:http";
import { expect, test } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import { silentLog } from "../../src/base/log.ts";
import { systemRandom } from "../../src/base/random.ts";
import { createDataPlane } from "../../src/dataplane/create-data-plane.ts";
import { InProcessPublisher } from "../../src/dataplane/in-process-publisher.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { endpoint, invocation, variant } from "./routing.ts";
import { echo, httpInstance } from "./test-instance.ts";

const settings = { clock: systemClock, random: systemRandom, log: silentLog };

test("routes come and go by endpoint, whatever the case of the name", async () => {
  await using instance = await httpInstance(echo);
  await using dataPlane = createDataPlane(settings);
  const publisher = new InProcessPublisher(dataPlane, systemClock);
  await publisher.publish("Iris", endpoint([variant([instance.route])]));
  await publisher.publish("Other", endpoint([variant([])], { name: "Other" }));
  expect(await dataPlane.invoke(invocation())).toMatchObject({ kind: "answered" });
  await publisher.publish("iris", undefined);
  expect(await dataPlane.invoke(invocation())).toMatchObject({ kind: "unknown-endpoint" });
  expect(await dataPlane.invoke(invocation({ endpoint: "other" }))).toMatchObject({ kind: "no-capacity" });
});

test("a fleet is drained when its last request is answered, or when the deadline has passed", async () => {
  const held: ServerResponse[] = [];
  await using instance = await httpInstance((_request, _body, reply) => held.push(reply));
  await using dataPlane = createDataPlane(settings);
  const clock = new FakeClock();
  const publisher = new InProcessPublisher(dataPlane, clock);
  await publisher.publish("Iris", endpoint([variant([instance.route])]));
  expect(await publisher.drained("fleet-1", 1000)).toBe(0);
  expect(await publisher.drained("never-heard-of", 1000)).toBe(0);

  const answers = [dataPlane.invoke(invocation()), dataPlane.invoke(invocation())];
  await expect.poll(() => held.length).toBe(2);
  await publisher.publish("Iris", undefined);
  expect(await publisher.drained("fleet-1", 0)).toBe(2);
  const late = publisher.drained("fleet-1", 1000);
  await clock.advance(1000);
  expect(await late).toBe(2);
  const drained = publisher.drained("fleet-1", 1000);
  for (const reply of held) reply.end();
  expect(await drained).toBe(0);
  expect(clock.pending).toBe(0);
  expect((await Promise.all(answers)).map(({ kind }) => kind)).toEqual(["answered", "answered"]);
});

test("50 fleets follow one another under load, and no request fails", async () => {
  await using dataPlane = createDataPlane(settings);
  const publisher = new InProcessPublisher(dataPlane, systemClock);
  const start = async (fleet: string) => {
    const instances = [await httpInstance(echo), await httpInstance(echo)];
    await publisher.publish(
      "Iris",
      endpoint([
        variant(
          instances.map(({ route }) => route),
          { fleet },
        ),
      ]),
    );
    return instances;
  };
  let fleet = "fleet-0";
  let instances = await start(fleet);
  const stopping = new AbortController();
  const stop = stopping.signal;
  const kinds: Record<string, number> = {};
  const clients = Array.from({ length: 8 }, async () => {
    while (!stop.aborted) {
      const { kind } = await dataPlane.invoke(invocation());
      kinds[kind] = (kinds[kind] ?? 0) + 1;
    }
  });
  for (let i = 1; i <= 50; i++) {
    const next = `fleet-${i}`;
    const fresh = await start(next);
    expect(await publisher.drained(fleet, 10_000)).toBe(0);
    // at once, as a process that is told to stop would go
    for (const old of instances) await old.kill();
    [fleet, instances] = [next, fresh];
  }
  stopping.abort();
  await Promise.all(clients);
  for (const last of instances) await last.kill();
  expect(Object.keys(kinds)).toEqual(["answered"]);
  expect(kinds["answered"]).toBeGreaterThan(50);
}, 60_000);
