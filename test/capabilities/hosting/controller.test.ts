import { expect, test } from "vitest";
import { EndpointKind } from "../../../src/capabilities/hosting/kinds.ts";
import { inService, setUp } from "./hosting-fixture.ts";

test("an endpoint is Creating until every instance is ready, then InService with a route", async () => {
  const { clock, engine, routes, call, model, config, state, endpoint } = await setUp();
  engine.startAs = "starting";
  await model("iris");
  await config("v1", { InitialInstanceCount: 2 });
  await call("CreateEndpoint", { EndpointName: "iris", EndpointConfigName: "v1" });
  await clock.advance(10);
  expect(await state()).toBe("Creating");
  expect((await endpoint()).ProductionVariants[0].VariantStatus).toMatchObject([
    {
      Status: "Creating",
      StatusMessage: "Launching 2 instance(s). The container is loading the model: 0 of 2 ready (0 %).",
    },
  ]);
  expect(routes.table.size).toBe(0);

  engine.become(engine.fleets()[0]!.id, "ready");
  await clock.advance(10);
  expect(await endpoint()).toMatchObject({
    EndpointStatus: "InService",
    ProductionVariants: [
      {
        VariantName: "AllTraffic",
        CurrentInstanceCount: 2,
        DesiredInstanceCount: 2,
        CurrentWeight: 1,
        DesiredWeight: 1,
      },
    ],
  });
  expect(routes.table.get("iris")!.variants[0]!.instances).toHaveLength(2);
});

test("an update brings the new fleet up, moves the route, drains the old fleet, then stops it", async () => {
  const { clock, engine, routes, call, config, state, endpoint } = await inService();
  const old = engine.fleets()[0]!.id;
  await config("v2", { InitialInstanceCount: 1 });
  engine.startAs = "starting";
  await call("UpdateEndpoint", { EndpointName: "iris", EndpointConfigName: "v2" });
  await clock.advance(10);
  expect(await state()).toBe("Updating");
  expect(await endpoint()).toMatchObject({
    EndpointConfigName: "v1",
    PendingDeploymentSummary: { EndpointConfigName: "v2" },
  });
  expect(routes.table.get("iris")!.variants[0]!.fleet).toBe(old);

  const fresh = engine.fleets().find(({ id }) => id !== old)!.id;
  routes.inFlight.set(old, 1);
  engine.become(fresh, "ready");
  await clock.advance(10);
  expect(await endpoint()).toMatchObject({ EndpointStatus: "InService", EndpointConfigName: "v2" });
  expect(routes.table.get("iris")!.variants[0]!.fleet).toBe(fresh);
  expect(engine.deleted).toEqual([]);

  routes.inFlight.set(old, 0);
  await clock.advance(100);
  expect(engine.deleted).toEqual([old]);
});

test("a fleet whose last request never ends is stopped after its time", async () => {
  const { clock, engine, routes, call, config } = await inService();
  const old = engine.fleets()[0]!.id;
  await config("v2", {});
  routes.inFlight.set(old, 1);
  await call("UpdateEndpoint", { EndpointName: "iris", EndpointConfigName: "v2" });
  await clock.advance(60_000);
  expect(engine.deleted).toEqual([]);
  await clock.advance(10_000);
  expect(engine.deleted).toEqual([old]);
});

test("a first deployment that fails ends in Failed, with the cause, the log's end and no fleet left", async () => {
  const { clock, engine, call, model, config, endpoint } = await setUp();
  engine.brokenImage = "broken";
  await model("iris", "broken");
  await config("v1", {});
  await call("CreateEndpoint", { EndpointName: "iris", EndpointConfigName: "v1" });
  await clock.advance(10);
  expect(await endpoint()).toMatchObject({
    EndpointStatus: "Failed",
    FailureReason:
      "The container for production variant AllTraffic could not be started: It broke. Last log lines: first line | last line",
  });
  expect(engine.fleets()).toEqual([]);
});

test("an update that fails leaves the endpoint in service as it was, with the reason", async () => {
  const { clock, engine, routes, call, model, config, endpoint } = await inService();
  const old = engine.fleets()[0]!.id;
  engine.brokenImage = "broken";
  await model("bad", "broken");
  await config("v2", { ModelName: "bad" });
  await call("UpdateEndpoint", { EndpointName: "iris", EndpointConfigName: "v2" });
  await clock.advance(10);
  expect(await endpoint()).toMatchObject({
    EndpointStatus: "InService",
    EndpointConfigName: "v1",
    FailureReason: expect.stringContaining("It broke."),
  });
  expect(engine.fleets().map(({ id }) => id)).toEqual([old]);
  expect(routes.history.every(([fleet]) => fleet === old)).toBe(true);

  engine.brokenImage = undefined;
  await call("UpdateEndpoint", { EndpointName: "iris", EndpointConfigName: "v2" });
  await clock.advance(10);
  const described = await endpoint();
  expect(described).toMatchObject({ EndpointStatus: "InService", EndpointConfigName: "v2" });
  expect(described).not.toHaveProperty("FailureReason");
});

test("an update that is never ready is given up when its time is over", async () => {
  const { clock, engine, call, config, endpoint } = await inService();
  await config("v2", {});
  engine.startAs = "starting";
  await call("UpdateEndpoint", { EndpointName: "iris", EndpointConfigName: "v2" });
  await clock.advance(3_600_000 + 240_000 + 30_000 + 2_000);
  expect(await endpoint()).toMatchObject({
    EndpointStatus: "InService",
    EndpointConfigName: "v1",
    FailureReason: expect.stringContaining("not ready after 3870 s"),
  });
});

test("new weights and counts keep the instances that run", async () => {
  const { clock, engine, routes, call, endpoint } = await inService(
    { VariantName: "a" },
    { VariantName: "b", InitialVariantWeight: 3 },
  );
  const fleets = engine.fleets().map(({ id }) => id);
  await call("UpdateEndpointWeightsAndCapacities", {
    EndpointName: "iris",
    DesiredWeightsAndCapacities: [{ VariantName: "a", DesiredWeight: 0.5, DesiredInstanceCount: 3 }],
  });
  await clock.advance(10);
  expect(await endpoint()).toMatchObject({
    EndpointStatus: "InService",
    ProductionVariants: [
      { VariantName: "a", CurrentWeight: 0.5, CurrentInstanceCount: 3 },
      { VariantName: "b", CurrentWeight: 3, CurrentInstanceCount: 1 },
    ],
  });
  expect(engine.fleets().map(({ id }) => id)).toEqual(fleets);
  expect(routes.table.get("iris")!.variants[0]).toMatchObject({ weight: 0.5 });
});

test("an instance that dies leaves the route at once, and comes back when it is ready", async () => {
  const { clock, engine, routes, state } = await inService();
  const fleet = engine.fleets()[0]!.id;
  engine.become(fleet, "exited");
  await clock.advance(0);
  expect(routes.table.get("iris")!.variants[0]!.instances).toEqual([]);
  expect(await state()).toBe("InService");
  engine.become(fleet, "ready");
  await clock.advance(0);
  expect(routes.table.get("iris")!.variants[0]!.instances).toHaveLength(1);
});

test("a delete takes the route away, waits for the last request, stops the fleets, then forgets the endpoint", async () => {
  const { clock, engine, routes, call, state } = await inService();
  const fleet = engine.fleets()[0]!.id;
  routes.inFlight.set(fleet, 1);
  await call("DeleteEndpoint", { EndpointName: "iris" });
  await clock.advance(10);
  expect(routes.table.size).toBe(0);
  expect(await state()).toBe("Deleting");
  routes.inFlight.set(fleet, 0);
  await clock.advance(1_100);
  expect(engine.deleted).toEqual([fleet]);
  expect(await state()).toBeUndefined();
});

test("an endpoint goes on with the bytes it was created with, though its model and configuration are gone", async () => {
  const { clock, engine, call } = await inService();
  const fleet = engine.fleets()[0]!.id;
  await call("DeleteEndpointConfig", { EndpointConfigName: "v1" });
  await call("DeleteModel", { ModelName: "iris" });
  await call("UpdateEndpointWeightsAndCapacities", {
    EndpointName: "iris",
    DesiredWeightsAndCapacities: [{ VariantName: "AllTraffic", DesiredInstanceCount: 2 }],
  });
  await clock.advance(10);
  expect(engine.specs.get(fleet)).toMatchObject({
    desired: 2,
    container: { artifact: { uri: "s3://models/iris.tar.gz", digest: "d1" } },
  });
});

test.each(["Creating", "Updating", "InService"])(
  "a controller that starts anew takes up an endpoint that is %s",
  async (at) => {
    const before = await inService();
    const { clock, store, engine, call, config, controller, start, state } = before;
    await config("v2", {});
    engine.startAs = "starting";
    if (at === "Updating") await call("UpdateEndpoint", { EndpointName: "iris", EndpointConfigName: "v2" });
    if (at === "Creating") await call("CreateEndpoint", { EndpointName: "second", EndpointConfigName: "v2" });
    await clock.advance(10);
    await controller.stop();
    for (const { id } of engine.fleets()) await engine.delete(id);

    engine.startAs = "ready";
    await start();
    await clock.advance(1_000);
    for (const name of await store.names(EndpointKind)) expect(await state(name)).toBe("InService");
    expect(engine.fleets()).toHaveLength((await store.names(EndpointKind)).length);
  },
);

test("a fleet in service that can not be started after a restart is tried again", async () => {
  const { clock, engine, state, routes } = await inService();
  const fleet = engine.fleets()[0]!.id;
  engine.fail(fleet, "No memory.");
  await clock.advance(10);
  expect(await state()).toBe("InService");
  await clock.advance(6_000);
  expect(routes.table.get("iris")!.variants[0]!.instances).toHaveLength(1);
});

test("a fleet that the engine fails to stop is stopped when it can be", async () => {
  const { clock, engine, call, config } = await inService();
  const old = engine.fleets()[0]!.id;
  const remove = engine.delete.bind(engine);
  engine.delete = async () => {
    throw new Error("not now");
  };
  await config("v2", {});
  await call("UpdateEndpoint", { EndpointName: "iris", EndpointConfigName: "v2" });
  await clock.advance(60_000);
  engine.delete = remove;
  await clock.advance(10_000);
  expect(engine.deleted).toEqual([old]);
});

test("a deployment that the engine refuses to be asked for ends in time, in Failed", async () => {
  const { clock, engine, call, model, config, endpoint } = await setUp();
  engine.apply = async () => {
    throw new Error("/secret/path: no");
  };
  await model("iris");
  await config("v1", {});
  await call("CreateEndpoint", { EndpointName: "iris", EndpointConfigName: "v1" });
  await clock.advance(3_600_000 + 240_000 + 30_000 + 61_000);
  expect(await endpoint()).toMatchObject({
    EndpointStatus: "Failed",
    FailureReason: "The instances were not ready after 3870 s. The server's log says why.",
  });
});

test("an endpoint that fails after it was routed to has no route", async () => {
  const { clock, engine, routes, call, model, config, state } = await setUp();
  engine.startAs = "starting";
  await model("iris");
  await config("v1", {});
  await call("CreateEndpoint", { EndpointName: "iris", EndpointConfigName: "v1" });
  await clock.advance(10);
  await routes.publish("iris", { name: "iris", variants: [] } as never);
  engine.fail(engine.fleets()[0]!.id, "It broke.");
  await clock.advance(10);
  expect(await state()).toBe("Failed");
  expect(routes.table.size).toBe(0);
});

test("a server that was down past a deadline gives what it finds in progress its whole time again", async () => {
  const { clock, engine, call, model, config, controller, start, state } = await setUp();
  engine.startAs = "starting";
  await model("iris");
  await config("v1", {});
  await call("CreateEndpoint", { EndpointName: "iris", EndpointConfigName: "v1" });
  await clock.advance(10);
  await controller.stop();
  await clock.advance(10_000_000);
  const next = await start();
  await clock.advance(2_000);
  expect(await state()).toBe("Creating");
  engine.become(engine.fleets()[0]!.id, "ready");
  await clock.advance(10);
  expect(await state()).toBe("InService");
  await next.stop();
});

test("what the controller notes of an endpoint at rest does not refuse a change", async () => {
  const { clock, engine, store, call, config, state } = await inService();
  await config("v2", {});
  const fleet = engine.fleets()[0]!.id;
  const update = store.update.bind(store);
  store.update = async (...written) => {
    store.update = update;
    engine.become(fleet, "exited");
    await clock.advance(0);
    return update(...written);
  };
  await call("UpdateEndpoint", { EndpointName: "iris", EndpointConfigName: "v2" });
  expect(await state()).toBe("Updating");
});

test("every change of state leaves an event with its reason", async () => {
  const { store, clock, call, config } = await inService();
  await config("v2", {});
  await call("UpdateEndpoint", { EndpointName: "iris", EndpointConfigName: "v2" });
  await clock.advance(10);
  const events = await store.events(EndpointKind, "iris", 10);
  expect(events.map(({ from, to }) => [from, to]).toReversed()).toEqual([
    [undefined, "Creating"],
    ["Creating", "InService"],
    ["InService", "Updating"],
    ["Updating", "InService"],
  ]);
  expect(events[1]!.reason).toBe("UpdateEndpoint to the configuration v2.");
});
