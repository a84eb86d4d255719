import { expect, test } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import { silentLog } from "../../src/base/log.ts";
import { systemRandom } from "../../src/base/random.ts";
import { createDataPlane } from "../../src/dataplane/create-data-plane.ts";
import type { DataPlane } from "../../src/dataplane/data-plane.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { endpoint, invocation, table, variant } from "./routing.ts";
import { echo, httpInstance } from "./test-instance.ts";
import { keeper } from "../support/keep.ts";

const keep = keeper();

const plane = (clock = systemClock): DataPlane =>
  keep(createDataPlane({ clock, random: systemRandom, log: silentLog }));
const turn = () => new Promise((resolve) => setImmediate(resolve));
const starting = variant([], { pending: 1 });
const absent = { id: "absent", address: { kind: "unix", path: "/nonexistent/socket" } } as const;

test("a request waits for the first instance that is ready", async () => {
  const instance = keep(await httpInstance(echo));
  const clock = new FakeClock();
  const dataPlane = plane(clock);
  dataPlane.route(table(1, endpoint([starting])));
  const waiting = [
    dataPlane.invoke(invocation({ endpoint: "IRIS" })),
    dataPlane.invokeStreaming(invocation()),
  ];
  await clock.advance(900);
  // news of other endpoints, or that bring no instance, are not what is waited for
  dataPlane.reroute({ version: 2, changes: [{ endpoint: "other", route: undefined }] });
  dataPlane.reroute({ version: 3, changes: [{ endpoint: "Iris", route: endpoint([starting]) }] });
  await turn();
  expect(instance.seen).toEqual([]);
  dataPlane.reroute({
    version: 4,
    changes: [{ endpoint: "Iris", route: endpoint([variant([instance.route])]) }],
  });
  for (const outcome of await Promise.all(waiting)) expect(outcome).toMatchObject({ kind: "answered" });
});

test("one that waited a second in vain is told to come back; the time does not start anew with each change", async () => {
  const clock = new FakeClock();
  const dataPlane = plane(clock);
  dataPlane.route(table(1, endpoint([starting])));
  const outcome = dataPlane.invoke(invocation());
  await clock.advance(999);
  dataPlane.route(table(2, endpoint([variant([], { pending: 2 })])));
  await clock.advance(1);
  expect(await outcome).toEqual({ kind: "not-ready", endpoint: "Iris", variant: "primary" });
  expect(clock.pending).toBe(0);
});

test("an endpoint that goes away, or has nothing on its way any more, lets nobody wait", async () => {
  const dataPlane = plane(new FakeClock());
  dataPlane.route(table(1, endpoint([starting]), endpoint([starting], { name: "Other" })));
  const [gone, given] = [dataPlane.invoke(invocation()), dataPlane.invoke(invocation({ endpoint: "other" }))];
  dataPlane.route(table(2, endpoint([variant([])], { name: "Other" })));
  expect(await gone).toMatchObject({ kind: "unknown-endpoint" });
  expect(await given).toMatchObject({ kind: "no-capacity" });
});

test("a client that leaves while it waits is let go", async () => {
  const clock = new FakeClock();
  const dataPlane = plane(clock);
  dataPlane.route(table(1, endpoint([starting], { maxOutstanding: 1 })));
  const left = new AbortController();
  const outcome = dataPlane.invoke(invocation({ signal: left.signal }));
  expect(await dataPlane.invoke(invocation())).toMatchObject({ kind: "overloaded" });
  left.abort();
  expect(await outcome).toEqual({ kind: "cancelled" });
  expect(await dataPlane.invoke(invocation({ signal: left.signal }))).toEqual({ kind: "cancelled" });
});

test("a variant with instances takes what another one can not, unless that is asked for by name", async () => {
  const instance = keep(await httpInstance(echo));
  const clock = new FakeClock();
  const dataPlane = plane(clock);
  const other = variant([instance.route], { name: "other", fleet: "fleet-2", weight: 0.001 });
  dataPlane.route(table(1, endpoint([starting, other])));
  for (let i = 0; i < 20; i++)
    expect(await dataPlane.invoke(invocation())).toMatchObject({ kind: "answered", variant: "other" });
  const asked = dataPlane.invoke(invocation({ targetVariant: "primary" }));
  await clock.advance(1000);
  expect(await asked).toMatchObject({ kind: "not-ready", variant: "primary" });
  // one of weight 0 takes nobody's place
  dataPlane.route(table(2, endpoint([starting, { ...other, weight: 0 }])));
  const unasked = dataPlane.invoke(invocation());
  await clock.advance(1000);
  expect(await unasked).toMatchObject({ kind: "not-ready", variant: "primary" });
});

test("F06: a request that could not be sent waits for the instance that replaces the dead one", async () => {
  const instance = keep(await httpInstance(echo));
  const dataPlane = plane();
  dataPlane.route(table(1, endpoint([variant([absent])])));
  const outcomes = [dataPlane.invoke(invocation()), dataPlane.invokeStreaming(invocation())];
  await turn();
  dataPlane.route(table(2, endpoint([starting])));
  await turn();
  dataPlane.route(table(3, endpoint([variant([instance.route])])));
  for (const outcome of await Promise.all(outcomes)) expect(outcome).toMatchObject({ kind: "answered" });
});

test("one that could not be sent ends as what it met, or as what is known by then", async () => {
  const limits = { readyWaitMs: 50 };
  const dataPlane = keep(
    createDataPlane({ clock: systemClock, random: systemRandom, log: silentLog, limits }),
  );
  dataPlane.route(table(1, endpoint([variant([absent])])));
  expect(await dataPlane.invoke(invocation())).toMatchObject({ kind: "model-error", status: 0 });
  const known = dataPlane.invoke(invocation());
  dataPlane.route(table(2, endpoint([starting])));
  expect(await known).toMatchObject({ kind: "not-ready" });
  expect(dataPlane.inFlight("fleet-1")).toBe(0);
});
