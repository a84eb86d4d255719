import { fork } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { afterEach, expect, test } from "vitest";

import { systemClock } from "../../../src/base/clock.ts";
import { type Log, silentLog } from "../../../src/base/log.ts";
import type { ArtifactLease } from "../../../src/compute/artifacts.ts";
import type { FleetSpec } from "../../../src/compute/engine.ts";
import { openLocalProcessHost } from "../../../src/compute/process/local-process-host.ts";
import type { ProcessEngineOptions } from "../../../src/compute/process/process-engine.ts";
import { serveProcessHost } from "../../../src/compute/process/serve-process-host.ts";
import { PATIENCE, ready, runs, see, until } from "../../contracts/instances.ts";
import { gzip, processFixture } from "./engine-fixture.ts";

const closers: (() => PromiseLike<void> | void)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

/** A host that outlives its engines, and engines that follow one another on it. */
function supervisor() {
  const root = mkdtempSync(join(tmpdir(), "tideway-adoption-"));
  closers.push(() => rmSync(root, { recursive: true, force: true }));
  const dir = join(root, "instances");
  const { graceMs } = PATIENCE;
  const host = openLocalProcessHost({ dir, clock: systemClock, log: silentLog, graceMs });
  closers.push(() => host[Symbol.asyncDispose]());
  const control = async (options: Partial<ProcessEngineOptions> = {}) => {
    const fixture = await processFixture({ dir, host, ...options });
    closers.push(fixture.close);
    return { ...fixture, end: () => fixture.engine[Symbol.asyncDispose]() };
  };
  return { host, dir, control };
}

const spec = (environment: Record<string, string> = {}, rest: Partial<FleetSpec> = {}): FleetSpec => ({
  id: "f-1",
  endpoint: "iris",
  variant: "main",
  container: { image: "socket", environment },
  instanceType: "ml.m5.large",
  desired: 1,
  downloadTimeoutMs: 5000,
  startupTimeoutMs: 10_000,
  ...rest,
});

test("a new engine has what is ready, ready at once: same processes, same addresses, and watches them on", async () => {
  const { control, host } = supervisor();
  const given = spec(
    { MODEL_FILE: "model.txt" },
    {
      desired: 2,
      container: {
        image: "socket",
        environment: { MODEL_FILE: "model.txt" },
        artifact: gzip("model.tar.gz"),
      },
    },
  );
  const first = await control();
  await first.engine.apply(given);
  const before = await until(first.engine, "f-1", ready(2));
  await first.end();
  expect(before.instances.map(({ pid }) => runs(pid!))).toEqual([true, true]);

  const { engine } = await control();
  expect(engine.status("f-1")).toEqual({ ...before, download: undefined });
  expect((await engine.apply(given)).instances).toEqual(before.instances);
  expect((await see(engine, "f-1")).pid).toBe(before.instances[0]!.pid);

  process.kill(before.instances[0]!.pid!, "SIGKILL");
  const left = await until(engine, "f-1", (status) => !ready(2)(status));
  expect(left.instances[0]!.phase).toBe("exited");
  const after = await until(engine, "f-1", ready(2));
  expect(after.instances[0]!.restarts).toBe(1);
  expect(after.instances[1]).toEqual(before.instances[1]);
  await engine.delete("f-1");
  expect(host.processes()).toEqual([]);
  expect(after.instances.map(({ pid }) => runs(pid!))).toEqual([false, false]);
});

test("an instance that died while there was no engine is a crash to the next: told, and started again", async () => {
  const { control, host } = supervisor();
  const first = await control();
  await first.engine.apply(spec());
  const before = await until(first.engine, "f-1", ready(1));
  await first.end();
  process.kill(before.instances[0]!.pid!, "SIGTERM");
  await host.processes()[0]!.exited;

  const warnings: string[] = [];
  const log: Log = { ...silentLog, warn: (message) => void warnings.push(message) };
  const { engine } = await control({ log });
  const found = engine.status("f-1")!.instances[0]!;
  expect(found).toMatchObject({ phase: "exited", restarts: 0 });
  expect([found.address, found.pid]).toEqual([undefined, undefined]);
  await engine.apply(spec());
  const after = await until(engine, "f-1", ready(1));
  expect(after.instances[0]!.restarts).toBe(1);
  expect(after.failure).toBeUndefined();
  expect(warnings).toEqual([
    "The model's server exited with code 0; the last line of its log is: got SIGTERM",
  ]);
});

test("an instance that was starting goes on to start; one that never was ready fails as it would have", async () => {
  const { control } = supervisor();
  const first = await control();
  await first.engine.apply(spec({ SLOW_MS: "500" }));
  await first.engine.apply(spec({ NEVER_READY: "1" }, { id: "f-2", startupTimeoutMs: 500 }));
  for (const id of ["f-1", "f-2"])
    await until(first.engine, id, ({ instances }) => instances[0]!.phase === "starting");
  const { pid } = first.engine.status("f-1")!.instances[0]!;
  await first.end();

  const { engine } = await control();
  expect(engine.status("f-1")!.instances[0]).toMatchObject({ phase: "starting", pid });
  await engine.apply(spec({ SLOW_MS: "500" }));
  const { instances } = await until(engine, "f-1", ready(1));
  expect(instances[0]).toMatchObject({ pid, restarts: 0 });
  const { failure } = await until(engine, "f-2", (status) => status.failure !== undefined);
  expect(failure!.message).toMatch(/did not answer GET \/ping with 200 within 0\.5 s/);
});

test("what was being stopped is stopped, what is missing is started when the fleet is applied, what nobody applies is listed", async () => {
  const { control, dir } = supervisor();
  const first = await control({ patience: { ...PATIENCE, graceMs: 60_000 } });
  await first.engine.apply(spec({}, { desired: 2 }));
  await first.engine.apply(spec({ IGNORE_SIGTERM: "1" }, { id: "f-2" }));
  await first.engine.apply(spec({}, { id: "f-3" }));
  for (const [id, count] of [["f-1", 2] as const, ["f-2", 1] as const, ["f-3", 1] as const])
    await until(first.engine, id, ready(count));
  const stopped = first.engine.status("f-2")!.instances[0]!.pid!;
  const kept = first.engine.status("f-1")!.instances[0]!.pid!;
  await first.engine.apply(spec({}, { desired: 1 }));
  await until(first.engine, "f-1", ready(1));
  void first.engine.delete("f-2");
  await until(first.engine, "f-2", ({ instances }) => instances[0]!.phase === "stopping");
  await first.end();

  const { engine } = await control();
  expect(engine.fleets().map(({ id, desired }) => [id, desired])).toEqual([
    ["f-1", 1],
    ["f-2", 0],
    ["f-3", 1],
  ]);
  expect(engine.status("f-2")!.instances[0]!.phase).toBe("stopping");
  await engine.apply(spec({}, { desired: 2 }));
  const { instances } = await until(engine, "f-1", ready(2));
  expect(instances[0]!.pid).toBe(kept);
  await Promise.all([engine.delete("f-2"), engine.delete("f-3")]);
  expect(runs(stopped)).toBe(false);
  expect(engine.fleets().map(({ id }) => id)).toEqual(["f-1"]);
  expect(existsSync(join(dir, "f-3"))).toBe(false);
});

test("a shrunk fleet's instance runs on until its requests have had their time, also under the next engine", async () => {
  const { control } = supervisor();
  const drained = { ...PATIENCE, drainMs: 600 };
  const first = await control({ patience: drained });
  await first.engine.apply(spec({}, { desired: 2 }));
  const [kept, surplus] = (await until(first.engine, "f-1", ready(2))).instances.map(({ pid }) => pid!);
  await first.engine.apply(spec({}, { desired: 1 }));
  expect(first.engine.status("f-1")!.instances[1]!.phase).toBe("stopping");
  await first.end();

  const second = await control({ patience: { ...drained, drainMs: 60_000 } });
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(runs(surplus!)).toBe(true);
  await second.end();
  const { engine } = await control({ patience: drained });
  const { instances } = await until(engine, "f-1", ready(1));
  expect(instances[0]!.pid).toBe(kept);
  expect(runs(surplus!)).toBe(false);

  // a fleet that is deleted has been drained
  const last = await control({ patience: { ...drained, drainMs: 60_000 } });
  await last.engine.apply(spec({}, { desired: 2 }));
  await until(last.engine, "f-1", ready(2));
  await last.engine.apply(spec({}, { desired: 1 }));
  await last.engine.delete("f-1");
  expect(last.engine.fleets()).toEqual([]);
});

test("a fleet whose process the host failed to end stays in the list, and is ended when it is deleted again", async () => {
  const { control, host } = supervisor();
  const { engine } = await control();
  await engine.apply(spec());
  const { pid } = (await until(engine, "f-1", ready(1))).instances[0]!;
  const [hosted] = host.processes();
  const stop = hosted!.stop.bind(hosted);
  hosted!.stop = () => Promise.reject(new Error("not now"));
  await expect(engine.delete("f-1")).rejects.toThrow("not now");
  expect(engine.fleets()).toHaveLength(1);
  hosted!.stop = stop;
  await engine.delete("f-1");
  expect([engine.fleets(), runs(pid!)]).toEqual([[], false]);
});

test("an adopted fleet holds its artifact again; that it can not be verified is told and ends nothing", async () => {
  const { control } = supervisor();
  const artifact = gzip("model.tar.gz");
  const given = spec({}, { container: { image: "socket", environment: {}, artifact } });
  const first = await control();
  await first.engine.apply(given);
  const before = await until(first.engine, "f-1", ready(1));
  await first.end();

  const asked: (string | undefined)[] = [];
  let released = 0;
  const holding = await control({
    artifacts: {
      async ensure({ digest }): Promise<ArtifactLease> {
        asked.push(digest);
        return { path: "/", digest: digest!, files: [], release: () => (released += 1) };
      },
    },
  });
  expect(holding.engine.status("f-1")).toEqual({ ...before, download: undefined });
  expect(asked).toEqual([before.digest]);
  await new Promise((resolve) => setImmediate(resolve));
  await holding.end();
  expect(released).toBe(1);

  const told = Promise.withResolvers<string>();
  const { engine } = await control({
    log: { ...silentLog, warn: told.resolve },
    artifacts: { ensure: () => Promise.reject(new Error("the disk is gone")) },
  });
  expect(await told.promise).toBe("The artifact of a running fleet could not be verified.");
  expect(engine.status("f-1")!.instances).toEqual(before.instances);
});

test("engines in processes of their own, killed one after the other, find the instance as it was", async () => {
  const { host, dir } = supervisor();
  const program = fileURLToPath(new URL("./control-program.ts", import.meta.url));
  let found: unknown;
  for (let life = 0; life < 3; life += 1) {
    const control = fork(program, [dir], { stdio: ["ignore", "ignore", "inherit", "ipc"] });
    serveProcessHost(host, {
      send: (message) => void (control.connected && control.send(message, () => {})),
      onMessage: (listener) =>
        control.on("message", (message: { done?: object }) => {
          if (!message.done) listener(message);
        }),
    });
    const told = await new Promise<unknown>((resolve, reject) => {
      control.on("message", ({ done }: { done?: unknown }) => done && resolve(done));
      control.once("exit", () => reject(new Error("the engine's process ended")));
    });
    if (life === 0) found = told;
    else expect(told).toEqual(found);
    const gone = new Promise((resolve) => control.once("exit", resolve));
    control.kill("SIGKILL");
    await gone;
  }
  expect(host.processes().map(({ pid }) => runs(pid))).toEqual([true]);
});
