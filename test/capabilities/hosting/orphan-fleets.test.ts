import { expect, test } from "vitest";

import { silentLog } from "../../../src/base/log.ts";
import { stopOrphanFleets } from "../../../src/capabilities/hosting/orphan-fleets.ts";
import { setUp } from "./hosting-fixture.ts";

test("fleets that no endpoint owns are stopped, those of an endpoint stay", async () => {
  const { engine, store, model, config, call, clock } = await setUp();
  await model("iris");
  await config("v1", {});
  await call("CreateEndpoint", { EndpointName: "Iris", EndpointConfigName: "v1" });
  await clock.advance(10);
  const [owned] = engine.fleets();
  const spec = engine.specs.get(owned!.id)!;
  const orphans = ["00000000-r1-0-iris", owned!.id.replace(/iris$/, "rose"), "not-a-name-of-hosting"];
  for (const id of orphans) await engine.apply({ ...spec, id });
  expect(await stopOrphanFleets(store, engine, silentLog)).toEqual(orphans);
  expect(engine.fleets()).toEqual([owned]);
  expect(await stopOrphanFleets(store, engine, silentLog)).toEqual([]);
});
