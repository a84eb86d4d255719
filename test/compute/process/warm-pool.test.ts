/** Workers that were started ahead, and what becomes of them. */
import { existsSync, globSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { afterEach, describe, expect, test } from "vitest";

import { type Clock, systemClock } from "../../../src/base/clock.ts";
import { silentLog } from "../../../src/base/log.ts";
import type { Engine, FleetSpec } from "../../../src/compute/engine.ts";
import { openIsolation, removeCgroups, type SandboxMode } from "../../../src/compute/isolation/isolation.ts";
import { programOf } from "../../../src/compute/isolation/process-tree.ts";
import { openLocalProcessHost } from "../../../src/compute/process/local-process-host.ts";
import type { HostedProcess, ProcessHost } from "../../../src/compute/process/process-host.ts";
import type { ProcessEngineOptions } from "../../../src/compute/process/process-engine.ts";
import { ask, PATIENCE, ready, runs, until } from "../../contracts/instances.ts";
import { tarGz } from "../../objects/archive/tar-bytes.ts";
import { hasCgroups, hasSandbox } from "../../support/isolation.ts";
import { gzip, processFixture, type ProcessFixture } from "./engine-fixture.ts";

const FOLDER = fileURLToPath(new URL("../../../examples/models/breast-cancer", import.meta.url));
const MODEL = tarGz(
  { name: "model.onnx", content: readFileSync(join(FOLDER, "model.onnx")) },
  { name: "notes/readme.txt", content: "kept" },
);
const ROW = readFileSync(join(FOLDER, "rows.csv"), "utf8").split("\n", 1)[0]!;
const TIME = { timeout: 30_000 };

/** On which a look at the pool is due twenty times sooner. */
const clock: Clock = {
  ...systemClock,
  after: (ms, run) => systemClock.after(ms >= 500 && ms <= 1000 ? ms / 20 : ms, run),
};

const closers: (() => PromiseLike<void> | void)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

function host(): { readonly host: ProcessHost; readonly dir: string } {
  const dir = mkdtempSync(join(tmpdir(), "tideway-warm-"));
  closers.push(() => rmSync(dir, { recursive: true, force: true }));
  const { graceMs } = PATIENCE;
  const opened = openLocalProcessHost({ dir, clock: systemClock, log: silentLog, graceMs });
  closers.push(() => opened[Symbol.asyncDispose]());
  return { host: opened, dir };
}

async function engine(options: Partial<ProcessEngineOptions> = {}): Promise<ProcessFixture> {
  const fixture = await processFixture({ warmWorkers: 1, clock, ...options });
  fixture.objects.add("model.tar.gz", MODEL);
  closers.push(() => fixture.close());
  return fixture;
}

const serverless = (more: Partial<FleetSpec> = {}, environment: Record<string, string> = {}): FleetSpec => ({
  id: "f-1",
  endpoint: "small",
  variant: "main",
  container: { image: "tideway/onnx", environment, artifact: gzip("model.tar.gz") },
  instanceType: "serverless.1024",
  desired: 0,
  downloadTimeoutMs: 20_000,
  startupTimeoutMs: 20_000,
  ...more,
});

const bare = (host: ProcessHost) =>
  host.processes().filter((one) => !one.exit && one.mark === "waiting" && "warm" in one.note);

async function bareWorker(host: ProcessHost, but?: HostedProcess): Promise<HostedProcess> {
  await expect.poll(() => bare(host).filter((one) => one.id !== but?.id).length, TIME).toBe(1);
  return bare(host).find((one) => one.id !== but?.id)!;
}

const firstOf = (from: Engine) => from.status("f-1")!.instances[0]!;
const title = (pid: number) => readFileSync(`/proc/${programOf(pid)}/cmdline`, "latin1");

test("an instance takes the worker that waits: with its model, its environment, its log, once; another takes its place", async () => {
  const { engine: opened, host, dir } = await engine();
  await opened.apply(serverless({}, { TIDEWAY_MAX_BODY_BYTES: "1000" }));
  const worker = await bareWorker(host);
  if (process.platform === "linux") expect(title(worker.pid)).toContain("tideway: warm worker");

  await opened.apply(serverless({ desired: 2 }, { TIDEWAY_MAX_BODY_BYTES: "1000" }));
  const { instances } = await until(opened, "f-1", ready(2));
  const pids = instances.map(({ pid }) => pid);
  expect(pids.filter((pid) => pid === worker.pid)).toHaveLength(1);
  expect(new Set(pids).size).toBe(2);
  const taken = instances.find(({ pid }) => pid === worker.pid)!;
  expect(await ask(taken.address!, "/invocations", "POST", ROW)).toMatch(/^\d\.\d+/);
  expect(await ask(taken.address!, "/invocations", "POST", ROW.repeat(20))).toBe(
    "The body is larger than 1000 bytes.",
  );
  if (process.platform === "linux") expect(title(worker.pid)).toContain("tideway: instance");
  const { signal } = new AbortController();
  const lines = await Array.fromAsync(opened.logs("f-1", { follow: false, signal }));
  for (const { id } of instances)
    expect(lines.filter(({ instance, line }) => instance === id && line.startsWith("Serving"))).toHaveLength(
      1,
    );

  const next = await bareWorker(host, worker);
  expect(pids).not.toContain(next.pid);
  await opened.delete("f-1");
  await expect.poll(() => host.processes(), TIME).toEqual([]);
  // nothing of the workers stays, once somebody has looked
  await expect.poll(() => globSync(join(dir, "_warm", "*")), TIME).toEqual([]);
  expect(readdirSync(host.runDir).filter((name) => name.startsWith("_warm"))).toEqual([]);
});

test("there is none where nothing serverless runs on the built-in server, nor for what is read when a process starts", async () => {
  const { engine: opened, host } = await engine();
  await opened.apply(serverless({ id: "r-1", instanceType: "ml.m5.large", desired: 1 }));
  await until(opened, "r-1", ready(1));
  await opened.apply(serverless({ id: "c-1", container: { image: "socket", environment: {} }, desired: 1 }));
  await until(opened, "c-1", ready(1));
  const early = serverless({}, { NODE_OPTIONS: "--max-old-space-size=100" });
  await opened.apply({ ...early, desired: 1 });
  await until(opened, "f-1", ready(1));
  expect(host.processes().map(({ id }) => id)).toEqual(["r-1-0", "c-1-0", "f-1-0"]);

  // one that may have it makes the pool; who may not have it starts by itself
  await opened.apply(serverless({ id: "f-2" }));
  const worker = await bareWorker(host);
  await opened.apply({ ...early, desired: 2 });
  const { instances } = await until(opened, "f-1", ready(2));
  expect(instances.map(({ pid }) => pid)).not.toContain(worker.pid);
  expect(bare(host)).toHaveLength(1);
});

test("a worker that dies is replaced", async () => {
  const { engine: opened, host } = await engine();
  await opened.apply(serverless());
  const worker = await bareWorker(host);
  process.kill(worker.pid, "SIGKILL");
  await worker.exited;
  const next = await bareWorker(host);
  expect(next.pid).not.toBe(worker.pid);
});

test("a later engine takes it over, and ends it where nobody needs it", async () => {
  const { host: shared, dir } = host();
  const first = await engine({ host: shared, dir });
  await first.engine.apply(serverless());
  const worker = await bareWorker(shared);
  await first.engine[Symbol.asyncDispose]();
  expect(runs(worker.pid)).toBe(true);

  const second = await engine({ host: shared, dir });
  await second.engine.apply(serverless({ desired: 1 }));
  await until(second.engine, "f-1", ready(1));
  expect(firstOf(second.engine).pid).toBe(worker.pid);
  const next = await bareWorker(shared, worker);
  await second.engine[Symbol.asyncDispose]();

  // an instance that was a worker is taken over as any other
  const third = await engine({ host: shared, dir, warmWorkers: 0 });
  expect(firstOf(third.engine).pid).toBe(worker.pid);
  await next.exited;
  expect(await ask(firstOf(third.engine).address!, "/ping", "GET")).toBe("");
  await third.engine.delete("f-1");
  expect(shared.processes()).toEqual([]);
});

describe.each<[SandboxMode, boolean, string]>([
  ["none", hasCgroups, "with limits (needs cgroups)"],
  ["required", hasSandbox, "in a sandbox (needs bubblewrap)"],
])("isolation: sandbox %s", (sandbox, possible, what) => {
  test.skipIf(!possible)(`an instance that was a warm worker is confined as any other, ${what}`, async () => {
    const { host: shared, dir } = host();
    const data = dirname(dir);
    const isolation = await openIsolation({
      sandbox,
      dataDir: dir,
      clock: systemClock,
      log: silentLog,
      env: process.env,
    });
    closers.push(() => removeCgroups(dir, systemClock));
    const { engine: opened } = await engine({ host: shared, dir, isolation });
    await opened.apply(serverless());
    const worker = await bareWorker(shared);
    await opened.apply(serverless({ desired: 1 }));
    await until(opened, "f-1", ready(1));
    const { pid, address } = firstOf(opened);
    expect(pid).toBe(worker.pid);
    expect(await ask(address!, "/invocations", "POST", ROW)).toMatch(/^\d\.\d+/);
    if (hasCgroups) expect(memoryLimit(programOf(pid!))).toBe(1024 * 2 ** 20);
    if (sandbox === "none") return;
    const root = `/proc/${programOf(pid!)}/root`;
    const own = join(root, dir, "_warm", worker.id);
    expect(readFileSync(join(own, "ml", "model", "notes", "readme.txt"), "utf8")).toBe("kept");
    expect(existsSync(join(root, data, "artifacts"))).toBe(false);
    const mounts = readFileSync(`/proc/${programOf(pid!)}/mountinfo`, "utf8").split("\n");
    const model = mounts.find((line) => line.split(" ")[4] === join(dir, "_warm", worker.id, "model"));
    expect(model).toMatch(/ ro[, ]/);
  });
});

/** What the kernel lets a process's cgroup have. */
function memoryLimit(pid: number): number {
  const lines = readFileSync(`/proc/${pid}/cgroup`, "utf8").trim().split("\n");
  const [, path] = lines.map((line) => /^\d+:(?:.*,)?memory(?:,.*)?:(.*)$/.exec(line)).find(Boolean) ?? [];
  if (path !== undefined)
    return Number(
      readFileSync(
        globSync(`/sys/fs/cgroup/memory/**/${path.split("/").at(-1)}/memory.limit_in_bytes`)[0]!,
        "utf8",
      ),
    );
  const unified = lines.at(-1)!.split(":").at(-1)!;
  return Number(readFileSync(join("/sys/fs/cgroup", unified, "memory.max"), "utf8"));
}
