import type { ServerResponse } from "node:http";
import { afterEach, describe, expect, test } from "vitest";
import type { DataPlane } from "../../src/dataplane/data-plane.ts";
import type { RoutePublisher } from "../../src/dataplane/routing-table.ts";
import { endpoint, invocation, variant } from "../dataplane/routing.ts";
import { echo, httpInstance } from "../dataplane/test-instance.ts";

/** A publisher and the data planes of all gateways that it publishes to. */
export interface PublisherFixture {
  readonly publisher: RoutePublisher;
  readonly dataPlanes: readonly DataPlane[];
  readonly close: () => Promise<void>;
}

/** The suite that every publisher passes. */
export function routePublisherContract(name: string, open: () => Promise<PublisherFixture>): void {
  describe(`route publisher: ${name}`, () => {
    const fixtures: PublisherFixture[] = [];
    afterEach(async () => {
      for (const fixture of fixtures.splice(0)) await fixture.close();
    });
    const fixture = async () => {
      const opened = await open();
      fixtures.push(opened);
      return opened;
    };

    test("routes come and go by endpoint, whatever the case of the name", async () => {
      await using instance = await httpInstance(echo);
      const { publisher, dataPlanes } = await fixture();
      const outcomes = (name: string) =>
        Promise.all(dataPlanes.map((one) => one.invoke(invocation({ endpoint: name }))));
      await publisher.publish("Iris", endpoint([variant([instance.route])]));
      await publisher.publish("Other", endpoint([variant([])], { name: "Other" }));
      for (const outcome of await outcomes("iris")) expect(outcome).toMatchObject({ kind: "answered" });
      await publisher.publish("iris", undefined);
      for (const outcome of await outcomes("Iris"))
        expect(outcome).toMatchObject({ kind: "unknown-endpoint" });
      for (const outcome of await outcomes("other")) expect(outcome).toMatchObject({ kind: "no-capacity" });
      await publisher.publish("never-there", undefined);
      await publisher.publish("Other", endpoint([variant([])], { name: "Other" }));
      for (const outcome of await outcomes("other")) expect(outcome).toMatchObject({ kind: "no-capacity" });
    });

    test("a route that is published again and again, and changed in between, ends as the last one", async () => {
      await using instance = await httpInstance(echo);
      const { publisher, dataPlanes } = await fixture();
      const serves = endpoint([variant([instance.route])]);
      const empty = endpoint([variant([])]);
      await Promise.all([serves, empty, serves, serves].map((route) => publisher.publish("Iris", route)));
      for (const one of dataPlanes)
        expect(await one.invoke(invocation())).toMatchObject({ kind: "answered" });
      await Promise.all([empty, undefined, empty].map((route) => publisher.publish("Iris", route)));
      for (const one of dataPlanes)
        expect(await one.invoke(invocation())).toMatchObject({ kind: "no-capacity" });
    });

    test("a fleet is drained when its last request is answered, or when the deadline has passed", async () => {
      const held: ServerResponse[] = [];
      await using instance = await httpInstance((_request, _body, reply) => held.push(reply));
      const { publisher, dataPlanes } = await fixture();
      await publisher.publish("Iris", endpoint([variant([instance.route])]));
      expect(await publisher.drained("fleet-1", 1000)).toBe(0);
      expect(await publisher.drained("never-heard-of", 1000)).toBe(0);

      const answers = dataPlanes.flatMap((one) => [one.invoke(invocation()), one.invoke(invocation())]);
      await expect.poll(() => held.length).toBe(answers.length);
      await publisher.publish("Iris", undefined);
      expect(await publisher.drained("fleet-1", 0)).toBe(answers.length);
      expect(await publisher.drained("fleet-1", 60)).toBe(answers.length);
      const drained = publisher.drained("fleet-1", 10_000);
      for (const reply of held) reply.end();
      expect(await drained).toBe(0);
      for (const { kind } of await Promise.all(answers)) expect(kind).toBe("answered");
    });

    test("50 fleets follow one another under load, and no request fails", async () => {
      const { publisher, dataPlanes } = await fixture();
      const start = async (fleet: string) => {
        const instances = [await httpInstance(echo), await httpInstance(echo)];
        const routes = instances.map(({ route }) => route);
        await publisher.publish("Iris", endpoint([variant(routes, { fleet })]));
        return instances;
      };
      let fleet = "fleet-0";
      let instances = await start(fleet);
      const stopping = new AbortController();
      const stop = stopping.signal;
      const kinds: Record<string, number> = {};
      const clients = Array.from({ length: 8 }, async (_, index) => {
        while (!stop.aborted) {
          const { kind } = await dataPlanes[index % dataPlanes.length]!.invoke(invocation());
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
  });
}
