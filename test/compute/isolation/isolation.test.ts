/** Programs under the limits of an engine: with a watchdog in place of cgroups, in a sandbox and without one. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, test, vi } from "vitest";
import { systemClock } from "../../../src/base/clock.ts";
import { silentLog } from "../../../src/base/log.ts";
import {
  type IsolationOptions,
  openIsolation,
  removeCgroups,
  type SandboxMode,
  sandboxExit,
} from "../../../src/compute/isolation/isolation.ts";
import { openLocalProcessHost } from "../../../src/compute/process/local-process-host.ts";
import { failed, ready, see, until } from "../../contracts/instances.ts";
import { tarGz } from "../../objects/archive/tar-bytes.ts";
import { hasCgroups, hasSandbox } from "../../support/isolation.ts";
import { CONTRACT_SERVER, gzip, type ProcessFixture, processFixture } from "../process/engine-fixture.ts";

const HOSTILE = fileURLToPath(new URL("../../support/hostile-model.mjs", import.meta.url));
const commands: Record<string, readonly string[]> = {
  hostile: [process.execPath, HOSTILE, "{socket}"],
  contract: [process.execPath, CONTRACT_SERVER, "{socket}"],
  port: [process.execPath, CONTRACT_SERVER, "{port}"],
};
const hasPython = (() => {
  try {
    execFileSync("python3", ["-c", "pass"]);
    return true;
  } catch {
    return false;
  }
})();

const machine: IsolationOptions = {
  sandbox: "auto",
  dataDir: "/no such data folder",
  clock: systemClock,
  log: silentLog,
  env: process.env,
};

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function open(options: Partial<IsolationOptions> = {}): Promise<ProcessFixture> {
  const isolation = await openIsolation({ ...machine, ...options });
  const fixture = await processFixture({ isolation, aliases: { find: (image) => commands[image] } });
  closers.push(async () => {
    await fixture.close();
    await removeCgroups(machine.dataDir, systemClock);
  });
  return fixture;
}
const spec = (image: string, environment: Record<string, string> = {}) => ({
  id: "f-1",
  endpoint: "iris",
  variant: "main",
  container: { image, environment },
  instanceType: "ml.m5.large",
  desired: 1,
  downloadTimeoutMs: 5000,
  startupTimeoutMs: 20_000,
});

describe.each<SandboxMode>(hasSandbox ? ["none", "required"] : ["none"])(
  "a watchdog, sandbox %s",
  (sandbox) => {
    test("ends a program that takes more memory than its instance type has", async () => {
      const { engine } = await open({ sandbox, cgroups: false, limits: { memoryMiB: 300 } });
      expect(engine.isolation).toMatchObject({ memory: "watchdog" });
      await engine.apply(spec("hostile", { GREEDY_AT_START: "1" }));
      const { failure } = await until(engine, "f-1", failed);
      expect(failure).toMatchObject({
        reason: "limit",
        message: expect.stringContaining(
          "more memory than the 300 MiB that an instance of ml.m5.large has here",
        ),
      });
    });

    test("leaves one alone that keeps within it", async () => {
      const { engine } = await open({ sandbox, cgroups: false });
      await engine.apply(spec("contract"));
      await until(engine, "f-1", ready(1));
      expect((await see(engine, "f-1")).cwd).toContain("f-1");
    });
  },
);

describe.skipIf(!hasSandbox)("a sandbox (needs bubblewrap)", () => {
  test("hands SIGTERM to the program, which may end as it likes, and tells how it ended", async () => {
    const dir = mkdtempSync(join(tmpdir(), "tideway-isolation-"));
    const folder = join(dir, "f-1", "0");
    for (const path of [join(folder, "ml"), join(dir, "model")]) mkdirSync(path, { recursive: true });
    const isolation = await openIsolation({ ...machine, dataDir: dir });
    const host = openLocalProcessHost({ dir, clock: systemClock, log: silentLog });
    closers.push(async () => {
      await host[Symbol.asyncDispose]();
      await removeCgroups(dir, systemClock);
      rmSync(dir, { recursive: true });
    });
    const code =
      'trap "echo got SIGTERM; exit 7" TERM; echo started; touch begun; while :; do sleep 0.02; done';
    const { argv } = await isolation.confine({
      id: "f-1-0",
      instanceType: "ml.m5.large",
      argv: ["/bin/sh", "-c", code],
      folder,
      modelDir: join(dir, "model"),
      readable: [],
      shown: [],
      writable: [],
      onPort: false,
    });
    const log = { path: join(folder, "log"), maxBytes: 10_000 };
    const environment = { PATH: "/usr/bin:/bin" };
    const running = await host.start({ id: "f-1-0", argv, environment, folder, log, note: {} });
    await vi.waitUntil(() => existsSync(join(folder, "sandbox/home/begun")));
    expect(await running.stop(10_000)).toMatchObject({ code: 7, logTail: ["started", "got SIGTERM"] });
  });

  test("gives the program a folder of its own: neither its log nor its process id can be touched from inside", async () => {
    const { engine, dir } = await open();
    await engine.apply(spec("contract"));
    await until(engine, "f-1", ready(1));
    const folder = join(dir, "f-1", "0");
    expect(readFileSync(join(folder, "log"), "utf8")).toContain("starting as");
    expect(existsSync(join(folder, "sandbox/home/log"))).toBe(false);
    expect((await see(engine, "f-1")).cwd).toBe(folder);
  });

  test("shares the network with a program on a port, unless a sandbox is required", async () => {
    const { engine } = await open();
    await engine.apply(spec("port"));
    await until(engine, "f-1", ready(1));
    expect((await see(engine, "f-1")).pid).toBeGreaterThan(0);
    const strict = await open({ sandbox: "required" });
    await strict.engine.apply(spec("port"));
    const { failure } = await until(strict.engine, "f-1", failed);
    expect(failure!.message).toMatch(/listens on a port.*name that \{socket\} in its command/);
  });

  test.skipIf(!hasPython)("has what a script of Python imports (needs python3)", async () => {
    const fixture = await open();
    const script =
      "import ssl, json\ndef model_fn(model_dir):\n    return open('/opt/ml/model/factor.txt').read()\n";
    fixture.objects.add(
      "script.tar.gz",
      tarGz({ name: "code/inference.py", content: script }, { name: "factor.txt", content: "2" }),
    );
    const given = spec("tideway/python");
    await fixture.engine.apply({
      ...given,
      container: { ...given.container, artifact: gzip("script.tar.gz") },
    });
    expect(await until(fixture.engine, "f-1", ready(1))).toMatchObject({ resolvedImage: "script" });
  });

  test("is missed in words where it is required", async () => {
    await expect(open({ sandbox: "required", env: { PATH: "/no such folder" } })).rejects.toThrow(
      "A sandbox is required (--sandbox required), but bubblewrap is not installed.",
    );
    const told: string[] = [];
    const log = { ...silentLog, warn: (message: string) => void told.push(message) };
    const { level } = await openIsolation({ ...machine, env: {}, cgroups: false, log });
    expect(told).toEqual(["Instances run without a sandbox, with the rights of the server's user."]);
    expect(level).toEqual({ memory: "watchdog", sandbox: "none", why: "bubblewrap is not installed" });
  });

  test("tells signals as codes, which are read back", () => {
    expect(sandboxExit({ code: 139, signal: null })).toEqual({ code: null, signal: "SIGSEGV" });
    expect(sandboxExit({ code: 3, signal: null })).toEqual({ code: 3, signal: null });
  });
});

test.skipIf(!hasCgroups)(
  "an engine that comes later finds the limits of what runs (needs cgroups)",
  async () => {
    const { engine } = await open({ limits: { memoryMiB: 300 } });
    await engine.apply(spec("hostile"));
    await until(engine, "f-1", ready(1));
    const { instances } = engine.status("f-1")!;
    await using later = await openIsolation({
      sandbox: "none",
      dataDir: "/no such data folder",
      clock: systemClock,
      log: silentLog,
      env: {},
    });
    const adopted = later.adopt({ id: "f-1-0", instanceType: "ml.m5.large", pid: instances[0]!.pid! });
    expect(adopted.excess).toBeUndefined();
    await later.sweep(new Set(["f-1-0"]));
    expect(engine.status("f-1")!.instances[0]!.phase).toBe("ready");
    await later.sweep(new Set());
    await until(engine, "f-1", ({ instances: [one] }) => one!.restarts === 1);
  },
);
