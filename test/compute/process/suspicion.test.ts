import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { afterEach, expect, test } from "vitest";

import type { Engine } from "../../../src/compute/engine.ts";
import type { ProcessEngineOptions } from "../../../src/compute/process/process-engine.ts";
import { ask, PATIENCE, ready, runs, until } from "../../contracts/instances.ts";
import { tarGz } from "../../objects/archive/tar-bytes.ts";
import { CONTRACT_SERVER, gzip, processFixture } from "./engine-fixture.ts";

const closers: (() => PromiseLike<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

/** So patient that nothing is noticed without a suspicion while a test lasts. */
const PATIENT = { ...PATIENCE, pingIntervalMs: 3_600_000 };

async function start(image: string, options: Partial<ProcessEngineOptions> = {}): Promise<Engine> {
  const { engine, objects, close } = await processFixture({ patience: PATIENT, ...options });
  closers.push(close);
  const loop = readFileSync(fileURLToPath(new URL("../../model-server/vectors/loop.onnx", import.meta.url)));
  objects.add("loop.tar.gz", tarGz({ name: "model.onnx", content: loop }));
  await engine.apply({
    id: "f-1",
    endpoint: "iris",
    variant: "main",
    container: { image, environment: {}, artifact: gzip("loop.tar.gz") },
    instanceType: "ml.m5.large",
    desired: 1,
    downloadTimeoutMs: 5000,
    startupTimeoutMs: 20_000,
  });
  await until(engine, "f-1", ready(1));
  return engine;
}

const only = (engine: Engine) => engine.status("f-1")!.instances[0]!;
const replaced = (engine: Engine) =>
  until(engine, "f-1", ({ instances: [one] }) => one!.restarts === 1 && one!.phase === "ready");
const builtIn = { modelServerPath: CONTRACT_SERVER };

test("a model that never ends is killed when its server is suspected, and a new instance takes its place", async () => {
  const engine = await start("tideway/onnx", { patience: { ...PATIENT, pingMisses: 1_000_000 } });
  const { pid, address } = only(engine);
  const answer = ask(address!, "/invocations", "POST", "1").catch((error: Error) => error);
  // A ping may come before the invocation, and is answered then.
  while (only(engine).phase === "ready") {
    engine.suspect("f-1-0");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  expect(await answer).toBeInstanceOf(Error);
  await replaced(engine);
  expect(runs(pid!)).toBe(false);
});

test("a suspected server that answers stays, however often it is suspected", async () => {
  const engine = await start("tideway/onnx", builtIn);
  const before = only(engine);
  for (let time = 0; time < 20; time += 1) {
    engine.suspect("f-1-0");
    await ask(before.address!, "/ping", "GET");
  }
  engine.suspect("f-9-0");
  expect(only(engine)).toEqual(before);
});

test("a suspected server of the user that does not answer is asked again as often as any: it may be busy", async () => {
  const engine = await start("socket");
  const before = only(engine);
  await ask(before.address!, "/stick");
  engine.suspect("f-1-0");
  await new Promise((resolve) => setTimeout(resolve, 2 * PATIENT.pingTimeoutMs));
  expect(only(engine)).toEqual(before);
  for (let miss = 1; miss < PATIENT.pingMisses; miss += 1) {
    engine.suspect("f-1-0");
    await new Promise((resolve) => setTimeout(resolve, 1.5 * PATIENT.pingTimeoutMs));
  }
  await replaced(engine);
});

test("a suspected process that somebody stopped is replaced, whoever's it is", async () => {
  const engine = await start("socket");
  const { pid } = only(engine);
  process.kill(pid!, "SIGSTOP");
  engine.suspect("f-1-0");
  await replaced(engine);
  expect(runs(pid!)).toBe(false);
});
