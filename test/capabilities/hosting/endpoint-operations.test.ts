import { expect, test } from "vitest";
import { inService, setUp } from "./hosting-fixture.ts";

const ARN = "arn:aws:sagemaker:us-east-1:000000000000:endpoint";
const refused = (message: string) => expect.objectContaining({ name: "ValidationException", message });
const update = { EndpointName: "iris", EndpointConfigName: "v1" } as never;

test("what is missing is told in AWS's words", async () => {
  const { call, model, config } = await setUp();
  await expect(call("DescribeEndpoint", { EndpointName: "Nope" })).rejects.toEqual(
    refused(`Could not find endpoint "${ARN}/nope".`),
  );
  await expect(call("DeleteEndpoint", { EndpointName: "nope" })).rejects.toEqual(
    refused(`Could not find endpoint "${ARN}/nope".`),
  );
  await expect(call("UpdateEndpoint", { EndpointName: "nope", EndpointConfigName: "v1" })).rejects.toEqual(
    refused(`Could not find endpoint "${ARN}/nope".`),
  );
  await expect(call("CreateEndpoint", update)).rejects.toEqual(
    refused(`Could not find endpoint configuration "${ARN}-config/v1".`),
  );
  await expect(call("DescribeModel", { ModelName: "iris" })).rejects.toEqual(
    refused('Could not find model "arn:aws:sagemaker:us-east-1:000000000000:model/iris".'),
  );
  await expect(config("v1", {})).rejects.toEqual(
    refused('Could not find model "arn:aws:sagemaker:us-east-1:000000000000:model/iris".'),
  );
  await model("iris");
  await config("v1", {});
  await call("DeleteModel", { ModelName: "iris" });
  await expect(call("CreateEndpoint", update)).rejects.toEqual(
    refused('Could not find model "arn:aws:sagemaker:us-east-1:000000000000:model/iris".'),
  );
});

test("a name that is taken is refused, for endpoints whatever the case of its letters", async () => {
  const { call, model, config } = await inService();
  await expect(model("iris")).rejects.toEqual(
    refused('Cannot create already existing model "arn:aws:sagemaker:us-east-1:000000000000:model/iris".'),
  );
  await expect(config("v1", {})).rejects.toEqual(
    refused(`Cannot create already existing endpoint configuration "${ARN}-config/v1".`),
  );
  await expect(call("CreateEndpoint", { EndpointName: "IRIS", EndpointConfigName: "v1" })).rejects.toEqual(
    refused(`Cannot create already existing endpoint "${ARN}/iris".`),
  );
});

test("of fifty creations at once one succeeds, and the rest are told that the name is taken", async () => {
  const { call, model, config } = await setUp();
  await model("iris");
  await config("v1", {});
  const outcomes = await Promise.allSettled(Array.from({ length: 50 }, () => call("CreateEndpoint", update)));
  expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  for (const outcome of outcomes)
    if (outcome.status === "rejected")
      expect(outcome.reason).toEqual(refused(`Cannot create already existing endpoint "${ARN}/iris".`));
});

test("of fifty updates at once one succeeds, and the rest are told that one is in progress", async () => {
  const { call } = await inService();
  const outcomes = await Promise.allSettled(Array.from({ length: 50 }, () => call("UpdateEndpoint", update)));
  expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  for (const outcome of outcomes)
    if (outcome.status === "rejected")
      expect(outcome.reason).toEqual(refused(`Cannot update in-progress endpoint "${ARN}/iris".`));
});

test("an endpoint in transition can be neither updated nor deleted", async () => {
  const { call, model, config, engine, clock } = await setUp();
  engine.startAs = "starting";
  await model("iris");
  await config("v1", {});
  await call("CreateEndpoint", update);
  await clock.advance(10);
  const inProgress = refused(`Cannot update in-progress endpoint "${ARN}/iris".`);
  await expect(call("UpdateEndpoint", update)).rejects.toEqual(inProgress);
  await expect(call("DeleteEndpoint", { EndpointName: "iris" })).rejects.toEqual(inProgress);
  await expect(
    call("UpdateEndpointWeightsAndCapacities", {
      EndpointName: "iris",
      DesiredWeightsAndCapacities: [{ VariantName: "AllTraffic", DesiredWeight: 1 }],
    }),
  ).rejects.toEqual(inProgress);
});

test("a failed endpoint can only be deleted, and then created again", async () => {
  const { call, model, config, engine, clock, state } = await setUp();
  engine.brokenImage = "broken";
  await model("iris", "broken");
  await config("v1", {});
  await call("CreateEndpoint", update);
  await clock.advance(10);
  await expect(call("UpdateEndpoint", update)).rejects.toThrow("Cannot update failed endpoint");
  await call("DeleteEndpoint", { EndpointName: "iris" });
  await clock.advance(10);
  expect(await state()).toBeUndefined();
  engine.brokenImage = undefined;
  await call("CreateEndpoint", update);
  await clock.advance(10);
  expect(await state()).toBe("InService");
});

test("weights and capacities of an unknown variant, or of no instance, change nothing", async () => {
  const { call, state } = await inService();
  const set = (VariantName: string, DesiredInstanceCount: number) =>
    call("UpdateEndpointWeightsAndCapacities", {
      EndpointName: "iris",
      DesiredWeightsAndCapacities: [
        { VariantName: "AllTraffic", DesiredWeight: 7 },
        { VariantName, DesiredInstanceCount },
      ],
    });
  await expect(set("nope", 1)).rejects.toThrow('The variant name(s) "nope" is/are not present');
  await expect(set("AllTraffic", 0)).rejects.toThrow(
    "DesiredInstanceCount of variant AllTraffic must be 1 or more.",
  );
  expect(await state()).toBe("InService");
});

test("RetainAllVariantProperties keeps the weights and counts of now, but for those excluded", async () => {
  const { call, config, clock, endpoint } = await inService({
    InitialInstanceCount: 3,
    InitialVariantWeight: 5,
  });
  await config("v2", {});
  await call("UpdateEndpoint", {
    EndpointName: "iris",
    EndpointConfigName: "v2",
    RetainAllVariantProperties: true,
    ExcludeRetainedVariantProperties: [{ VariantPropertyType: "DesiredWeight" }],
  } as never);
  await clock.advance(10);
  expect((await endpoint()).ProductionVariants).toMatchObject([
    { CurrentInstanceCount: 3, CurrentWeight: 1 },
  ]);
});

test("DescribeEndpoint holds its answer while the endpoint is in transition, and answers at once when it is not", async () => {
  const { call, model, config, engine, clock } = await setUp({ describeHoldMs: 5_000 });
  engine.startAs = "starting";
  await model("iris");
  await config("v1", {});
  await call("CreateEndpoint", update);
  const answers: string[] = [];
  const describe = async () =>
    answers.push((await call("DescribeEndpoint", { EndpointName: "iris" })).EndpointStatus);
  const first = describe();
  await clock.advance(4_900);
  expect(answers).toEqual([]);
  await clock.advance(200);
  await first;
  expect(answers).toEqual(["Creating"]);

  const second = describe();
  await clock.advance(100);
  engine.become(engine.fleets()[0]!.id, "ready");
  await clock.advance(10);
  await second;
  expect(answers).toEqual(["Creating", "InService"]);
  await describe();
  expect(answers).toEqual(["Creating", "InService", "InService"]);

  await call("DeleteEndpoint", { EndpointName: "iris" });
  const third = describe().catch((error: Error) => error);
  await clock.advance(10);
  expect(await third).toEqual(refused(`Could not find endpoint "${ARN}/iris".`));
});

test("who shows progress asks for each change, or for the state of now", async () => {
  const { call, model, config, engine, clock } = await setUp({ describeHoldMs: 5_000 });
  engine.startAs = "starting";
  await model("iris");
  await config("v1", { InitialInstanceCount: 2 });
  await call("CreateEndpoint", update);
  const message = async (hold: string) => {
    const { ProductionVariants } = await call(
      "DescribeEndpoint",
      { EndpointName: "iris" },
      { "x-tideway-hold": hold },
    );
    return ProductionVariants[0].VariantStatus?.[0]?.StatusMessage as string | undefined;
  };
  const first = message("change");
  await clock.advance(0);
  expect(await first).toContain("0 of 2 ready (0 %)");
  expect(await message("none")).toContain("0 of 2 ready (0 %)");
  const second = message("change");
  await clock.advance(1_000);
  engine.become(engine.fleets()[0]!.id, "ready");
  await clock.advance(10);
  expect(await second).toBeUndefined();
});

test("guardrails that are not built are refused by name", async () => {
  const { call, state } = await inService();
  const guarded = (DeploymentConfig: object) =>
    call("UpdateEndpoint", { EndpointName: "iris", EndpointConfigName: "v1", DeploymentConfig });
  await expect(guarded({ RollingUpdatePolicy: {} })).rejects.toThrow(
    "RollingUpdatePolicy: a rolling update is not supported by Tideway",
  );
  await expect(
    guarded({ BlueGreenUpdatePolicy: { TrafficRoutingConfiguration: { Type: "CANARY" } } }),
  ).rejects.toThrow("CANARY traffic routing is not supported");
  await expect(guarded({ AutoRollbackConfiguration: { Alarms: [{ AlarmName: "a" }] } })).rejects.toThrow(
    "a rollback by alarms is not supported",
  );
  expect(await state()).toBe("InService");
});
