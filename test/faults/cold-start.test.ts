/** Models that are slow at their first request: with a warm-up input, no caller's request is that one. */
import { fileURLToPath } from "node:url";
import { UpdateEndpointCommand } from "@aws-sdk/client-sagemaker";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ODD_MODEL, TidewayServer } from "../support/tideway-server.ts";

const COLD_MODEL = fileURLToPath(new URL("../support/cold-model.mjs", import.meta.url));

let tideway: TidewayServer;
beforeAll(async () => {
  tideway = await TidewayServer.start();
  await tideway.image("cold", COLD_MODEL);
  await tideway.image("odd", ODD_MODEL);
});
afterAll(() => tideway[Symbol.asyncDispose]());

test("updates under load: no request meets a cold instance", async () => {
  await tideway.deploy("updated", { Image: "cold", Environment: { TIDEWAY_WARMUP_BODY: "[1]" } });
  await tideway.config("again", { ModelName: "updated", InitialInstanceCount: 2 });
  const answers = new Map<string, number>();
  const state = { over: false };
  const callers = Array.from({ length: 4 }, async () => {
    while (!state.over) {
      const { text } = await tideway.invoke("updated", "1");
      answers.set(text, (answers.get(text) ?? 0) + 1);
    }
  });
  for (const EndpointConfigName of ["again", "updated"]) {
    await tideway.sagemaker.send(new UpdateEndpointCommand({ EndpointName: "updated", EndpointConfigName }));
    expect(await tideway.settled("updated")).toMatchObject({ EndpointStatus: "InService" });
  }
  state.over = true;
  await Promise.all(callers);
  console.log(
    `answers during two updates: ${[...answers].map(([text, count]) => `${count} ${text}`).join(", ")}`,
  );
  expect([...answers.keys()]).toEqual(["warm"]);
});

test("without one, the first caller waits", async () => {
  await tideway.deploy("unprepared", { Image: "cold" });
  expect((await tideway.invoke("unprepared", "1")).text).toBe("cold");
});

test("a model that fails its warm-up is not put into service; one that refuses the input is", async () => {
  expect(
    await tideway.deploy("failing", { Image: "odd", Environment: { TIDEWAY_WARMUP_BODY: "status 500 no" } }),
  ).toMatchObject({
    EndpointStatus: "Failed",
    FailureReason: expect.stringContaining(
      "The warm-up request to the model's server answered with HTTP 500.",
    ),
  });
  expect(
    await tideway.deploy("refusing", { Image: "odd", Environment: { TIDEWAY_WARMUP_BODY: "status 400 no" } }),
  ).toMatchObject({ EndpointStatus: "InService" });
});
