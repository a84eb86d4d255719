import { expect, test } from "vitest";
import { sleep } from "../../../src/base/clock.ts";
import { SeededRandom } from "../../support/seeded-random.ts";
import { setUp } from "./hosting-fixture.ts";

const serverless = (more: object = {}) => ({
  InstanceType: undefined,
  InitialInstanceCount: undefined,
  ServerlessConfig: { MemorySizeInMB: 1024, MaxConcurrency: 4, ...more },
});

async function inService(more: object = {}) {
  const all = await setUp();
  await all.model("iris");
  await all.config("v1", serverless(more) as object);
  await all.call("CreateEndpoint", { EndpointName: "iris", EndpointConfigName: "v1" });
  await all.clock.advance(10);
  const fleet = all.engine.fleets()[0]!.id;
  const workers = () => all.engine.status(all.engine.fleets()[0]!.id)!.desired;
  return { ...all, fleet, workers };
}

test("the model is proven by one worker, which idles out; requests bring workers, and idle ones go", async () => {
  const { clock, scale, fleet, workers, endpoint, routes, store } = await inService();
  expect(await endpoint()).toMatchObject({
    EndpointStatus: "InService",
    ProductionVariants: [
      {
        CurrentServerlessConfig: { MemorySizeInMB: 1024, MaxConcurrency: 4 },
        DesiredServerlessConfig: { MemorySizeInMB: 1024, MaxConcurrency: 4 },
      },
    ],
  });
  expect(workers()).toBe(1);
  await clock.advance(300_000);
  expect(workers()).toBe(0);
  expect(routes.table.get("iris")!.variants[0]).toMatchObject({
    instances: [],
    serverless: { maxConcurrency: 4 },
  });

  // what comes and goes is no change of the endpoint
  const changes: string[] = [];
  store.watch(({ kind, name }) => changes.push(`${kind} ${name}`));
  scale.demand(fleet, 9);
  await clock.advance(10);
  expect(workers()).toBe(4);
  expect(routes.table.get("iris")!.variants[0]!.instances).toHaveLength(4);
  scale.demand(fleet, 1);
  await clock.advance(300_000);
  expect(workers()).toBe(1);
  scale.demand(fleet, 0);
  await clock.advance(300_000);
  expect(workers()).toBe(0);
  expect(changes).toEqual([]);
});

test("workers whose time comes while the endpoint is being looked at are stopped, too", async () => {
  const { clock, scale, fleet, workers, routes } = await inService();
  scale.demand(fleet, 1);
  await clock.advance(10);
  scale.demand(fleet, 0);
  await clock.advance(299_000);
  const publish = routes.publish.bind(routes);
  routes.publish = async (endpoint, route) => {
    await sleep(clock, 2000);
    return publish(endpoint, route);
  };
  scale.demand(fleet, 0);
  await clock.advance(10_000);
  expect(workers()).toBe(0);
});

test("what is provisioned is there before the endpoint serves, and stays", async () => {
  const { clock, call, endpoint, workers, engine } = await inService({ ProvisionedConcurrency: 2 });
  expect(workers()).toBe(2);
  await clock.advance(1_000_000);
  expect(workers()).toBe(2);

  engine.startAs = "starting";
  await call("UpdateEndpointWeightsAndCapacities", {
    EndpointName: "iris",
    DesiredWeightsAndCapacities: [
      { VariantName: "AllTraffic", ServerlessUpdateConfig: { ProvisionedConcurrency: 3 } },
    ],
  });
  await clock.advance(10);
  expect(await endpoint()).toMatchObject({ EndpointStatus: "Updating" });
  engine.become(engine.fleets()[0]!.id, "ready");
  await clock.advance(10);
  expect(await endpoint()).toMatchObject({
    EndpointStatus: "InService",
    ProductionVariants: [{ CurrentServerlessConfig: { MaxConcurrency: 4, ProvisionedConcurrency: 3 } }],
  });
  expect(engine.fleets()).toHaveLength(1);
});

test("a new MaxConcurrency needs no worker", async () => {
  const { clock, call, endpoint, workers } = await inService();
  await clock.advance(300_000);
  await call("UpdateEndpointWeightsAndCapacities", {
    EndpointName: "iris",
    DesiredWeightsAndCapacities: [
      { VariantName: "AllTraffic", ServerlessUpdateConfig: { MaxConcurrency: 9 } },
    ],
  });
  await clock.advance(10);
  expect(await endpoint()).toMatchObject({
    EndpointStatus: "InService",
    ProductionVariants: [{ CurrentServerlessConfig: { MaxConcurrency: 9 } }],
  });
  expect(workers()).toBe(0);
  await expect(
    call("UpdateEndpointWeightsAndCapacities", {
      EndpointName: "iris",
      DesiredWeightsAndCapacities: [{ VariantName: "AllTraffic", DesiredInstanceCount: 2 }],
    }),
  ).rejects.toThrow("Use ServerlessUpdateConfig");
});

test("a model that can not be started fails the endpoint; later on those who wait are told", async () => {
  const { clock, engine, endpoint, routes, scale, fleet, workers } = await inService();
  engine.fail(fleet, "It broke.");
  await clock.advance(10);
  expect(
    routes.published.some((route) => route?.variants[0]?.serverless?.failure?.includes("It broke.")),
  ).toBe(true);
  expect(await endpoint()).toMatchObject({ EndpointStatus: "InService" });
  // and the next one who asks gets a new try
  scale.demand(fleet, 1);
  await clock.advance(10_000);
  expect(workers()).toBe(1);
  expect(routes.table.get("iris")!.variants[0]!.serverless).toEqual({ maxConcurrency: 4 });

  const failing = await setUp();
  failing.engine.brokenImage = "broken";
  await failing.model("iris", "broken");
  await failing.config("v1", serverless() as object);
  await failing.call("CreateEndpoint", { EndpointName: "iris", EndpointConfigName: "v1" });
  await failing.clock.advance(10);
  expect(await failing.endpoint()).toMatchObject({ EndpointStatus: "Failed" });
});

test("a control that starts keeps the workers that run", async () => {
  const { clock, scale, fleet, workers, controller, start } = await inService();
  scale.demand(fleet, 3);
  await clock.advance(10);
  await controller.stop();
  await start();
  await clock.advance(200_000);
  expect(workers()).toBe(3);
  await clock.advance(100_000);
  expect(workers()).toBe(0);
});

test("instances become workers by a new endpoint only; workers become instances by an update", async () => {
  const { clock, call, config, endpoint, workers, engine } = await inService();
  await config("instances", { InitialInstanceCount: 2 });
  await call("UpdateEndpoint", {
    EndpointName: "iris",
    EndpointConfigName: "instances",
    RetainAllVariantProperties: true,
  });
  await clock.advance(10);
  expect(await endpoint()).toMatchObject({
    EndpointStatus: "InService",
    ProductionVariants: [{ CurrentInstanceCount: 2, DesiredInstanceCount: 2 }],
  });
  await clock.advance(100_000);
  expect(engine.fleets()).toHaveLength(1);
  expect(workers()).toBe(2);
  await expect(call("UpdateEndpoint", { EndpointName: "iris", EndpointConfigName: "v1" })).rejects.toThrow(
    "to a serverless configuration",
  );
});

test.each([1, 2, 3, 4, 5])(
  "whatever is asked for (seed %i): what is needed is had, no more than MaxConcurrency, no less than provisioned, and no longer than the idle time",
  async (seed) => {
    const random = new SeededRandom(seed);
    const { clock, scale, fleet, workers } = await inService({ ProvisionedConcurrency: 1 });
    const history: { at: number; demand: number }[] = [{ at: clock.now(), demand: 1 }];
    for (let step = 0; step < 100; step++) {
      const demand = Math.floor(random.number() * 7);
      scale.demand(fleet, demand);
      history.push({ at: clock.now(), demand });
      await clock.advance(10);
      expect(workers()).toBeGreaterThanOrEqual(Math.max(1, Math.min(demand, 4)));
      await clock.advance(Math.floor(random.number() ** 3 * 900_000));
      // a demand holds until the next one
      const recent = history.filter(
        (_, index) => (history[index + 1]?.at ?? Infinity) > clock.now() - 300_000,
      );
      expect(workers()).toBe(Math.max(1, Math.min(4, Math.max(...recent.map((one) => one.demand)))));
    }
    scale.demand(fleet, 0);
    await clock.advance(300_000);
    expect(workers()).toBe(1);
  },
);
