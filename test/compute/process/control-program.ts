/** Opens an engine on its parent's host, brings up an instance, tells how it found it, and waits to be killed. */
import { openRemoteProcessHost } from "../../../src/compute/process/remote-process-host.ts";
import { ready, until } from "../../contracts/instances.ts";
import { processFixture } from "./engine-fixture.ts";

const host = await openRemoteProcessHost({
  send: (message) => void process.send!(message),
  onMessage: (listener) => process.on("message", listener),
  onClose: (listener) => process.once("disconnect", listener),
});
const { engine } = await processFixture({ host, dir: process.argv[2]! });
await engine.apply({
  id: "f-1",
  endpoint: "iris",
  variant: "main",
  container: { image: "socket", environment: { GRANDCHILD: "1" } },
  instanceType: "ml.m5.large",
  desired: 1,
  downloadTimeoutMs: 5000,
  startupTimeoutMs: 10_000,
});
await until(engine, "f-1", ready(1));
process.send!({ done: engine.status("f-1")!.instances });
