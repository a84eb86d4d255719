/** Opens an engine in a process of its own, starts an instance with a child, says which, and waits to be killed. */
import { ready, see, until } from "../../contracts/instances.ts";
import { processFixture } from "./engine-fixture.ts";

const [dir, image] = process.argv.slice(2);
const { engine } = await processFixture({ dir: dir! });
await engine.apply({
  id: "f-1",
  endpoint: "iris",
  variant: "main",
  container: { image: image!, environment: { GRANDCHILD: "1", IGNORE_SIGTERM: "1" } },
  instanceType: "ml.m5.large",
  desired: 1,
  downloadTimeoutMs: 5000,
  startupTimeoutMs: 10_000,
});
await until(engine, "f-1", ready(1));
const { pid, grandchild } = await see(engine, "f-1");
console.log(JSON.stringify({ pid, grandchild }));
