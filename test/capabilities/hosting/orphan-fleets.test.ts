import { expect, test } from "vitest";

import { silentLog } from "../../../src/base/log.ts";
import { stopOrphanFleets } from "../../../src/capabilities/hosting/orphan-fleets.ts";
import { setUp } from "./hosting-fixture.ts";

test("fleets that no endpoint owns are stopped, also by an engine that fails to at first; those of an endpoint stay", async () => {
  const { engine, store, model, config, call, clock } = await setUp();
  await model("iris");
  await config("v1", {});
  await call("CreateEndpoint", { EndpointName: "Iris", EndpointConfigName: "v1" });
  await clock.advance(10);
  const [owned] = engine.fleets();
  const spec = engine.specs.get(owned!.id)!;
  const orphans = ["00000000-r1-0-iris", owned!.id.replace(/iris$/, "rose"), "not-a-name-of-hosting"];
  for (const id of orphans) await engine.apply({ ...spec, id });
  const { signal } = new AbortController();
  const isOthers = async (fleet: string) => fleet === "of-another-capability";
  await engine.apply({ ...spec, id: "of-another-capability" });
  const ports = { store, engine, clock, log: silentLog, isOthers, signal };
  const remove = engine.delete.bind(engine);
  engine.delete = async () => {
    throw new Error("not now");
  };
  expect(await stopOrphanFleets(ports)).toEqual(orphans);
  await clock.advance(1_000);
  expect(engine.fleets()).toHaveLength(5);
  engine.delete = remove;
  await clock.advance(5_000);
  expect(engine.fleets().map(({ id }) => id)).toEqual([owned!.id, "of-another-capability"]);
  expect(await stopOrphanFleets(ports)).toEqual([]);
});
