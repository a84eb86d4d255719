import { spawn } from "node:child_process";
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  mkdirSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { afterEach, describe, expect, test } from "vitest";

import { killLeftovers } from "../../../src/compute/process/leftovers.ts";
import type { ProcessEngineOptions } from "../../../src/compute/process/process-engine.ts";
import { startTimeOf } from "../../../src/compute/process/process-stat.ts";
import { ready, runs, see, until } from "../../contracts/instances.ts";
import { processFixture } from "./engine-fixture.ts";

const closers: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});
const open = async (options: Partial<ProcessEngineOptions> = {}) => {
  const fixture = await processFixture(options);
  closers.push(fixture.close);
  return fixture;
};
const spec = (environment: Record<string, string> = {}, image = "socket") => ({
  id: "f-1",
  endpoint: "iris",
  variant: "main",
  container: { image, environment },
  instanceType: "ml.m5.large",
  desired: 1,
  downloadTimeoutMs: 5000,
  startupTimeoutMs: 10_000,
});
const gone = async (pid: number, withinMs = 5000) => {
  const end = performance.now() + withinMs;
  while (runs(pid) && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 20));
  return !runs(pid);
};

describe("nothing outlives its engine", () => {
  test.each(["socket", "port"])("killed with SIGKILL, on a %s", async (image) => {
    const root = mkdtempSync(join(tmpdir(), "tideway-engine-"));
    closers.push(() => rmSync(root, { recursive: true, force: true }));
    const program = fileURLToPath(new URL("./engine-program.ts", import.meta.url));
    const engine = spawn(process.execPath, [program, join(root, "instances"), image], {
      // What the killed program leaves of its own goes with the test's folder.
      env: { ...process.env, TMPDIR: root },
      stdio: ["ignore", "pipe", "inherit"],
    });
    let line = "";
    for await (const chunk of engine.stdout) {
      line += String(chunk);
      if (line.includes("\n")) break;
    }
    const { pid, grandchild } = JSON.parse(line) as { pid: number; grandchild: number };
    expect([runs(pid), runs(grandchild)]).toEqual([true, true]);
    process.kill(engine.pid!, "SIGKILL");
    expect([await gone(pid), await gone(grandchild)]).toEqual([true, true]);

    const next = await open({ dir: join(root, "instances") });
    await next.engine.apply(spec());
    await until(next.engine, "f-1", ready(1));
  });

  test("the program's children go when it ends, and when it is deleted", async () => {
    const { engine } = await open();
    await engine.apply(spec({ GRANDCHILD: "1" }));
    const { instances } = await until(engine, "f-1", ready(1));
    const first = await see(engine, "f-1");
    process.kill(instances[0]!.pid!, "SIGKILL");
    await until(engine, "f-1", ({ instances: [one] }) => one!.restarts === 1 && one!.phase === "ready");
    expect(await gone(first.grandchild!)).toBe(true);
    const second = await see(engine, "f-1");
    await engine.delete("f-1");
    expect(await gone(second.grandchild!)).toBe(true);
  });

  test("what is left is found by pid and start time, and nobody else is touched", async () => {
    const dir = mkdtempSync(join(tmpdir(), "tideway-left-"));
    closers.push(() => rmSync(dir, { recursive: true, force: true }));
    const left = spawn("sleep", ["1000"], { detached: true, stdio: "ignore" });
    const other = spawn("sleep", ["1000"], { detached: true, stdio: "ignore" });
    closers.push(() => void other.kill("SIGKILL"));
    const note = (name: string, content: unknown) => {
      mkdirSync(join(dir, "f", name), { recursive: true });
      writeFileSync(
        join(dir, "f", name, "pid"),
        typeof content === "string" ? content : JSON.stringify(content),
      );
    };
    note("0", { pid: left.pid, startTime: startTimeOf(left.pid!) });
    note("1", { pid: other.pid, startTime: "123" });
    note("2", { pid: other.pid });
    note("3", { pid: 1, startTime: startTimeOf(1) });
    note("4", "garbage");
    expect(killLeftovers(dir)).toEqual([left.pid]);
    await new Promise((resolve) => left.once("exit", resolve));
    expect(runs(other.pid!)).toBe(true);
    expect(readdirSync(join(dir, "f", "0"))).toEqual([]);
  });
});

describe("an instance's surroundings", () => {
  test("hold few variables of the machine, and the contract's", async () => {
    const { engine, dir } = await open();
    await engine.apply(spec({ MODEL: "x", TIDEWAY_SOCKET: "/evil", HOME: "/evil" }));
    await until(engine, "f-1", ready(1));
    const { env, cwd, argv } = await see(engine, "f-1");
    expect(cwd).toBe(join(dir, "f-1", "0"));
    expect(env).toMatchObject({
      HOME: cwd,
      MODEL: "x",
      SAGEMAKER_BASE_DIR: join(cwd, "ml"),
      SAGEMAKER_REGION: "us-east-1",
      TIDEWAY_THREADS: "1",
      TIDEWAY_SOCKET: argv[0],
    });
    const expected =
      /^(PATH|LANG|LC_ALL|TZ|TMPDIR|PWD|OLDPWD|SHLVL|_|HOME|MODEL|OMP_NUM_THREADS|PYTHONUNBUFFERED|AWS_REGION|LD_LIBRARY_PATH|VIRTUAL_ENV|PYENV_ROOT|CUDA_\w+|NVIDIA_\w+|SAGEMAKER_\w+|TIDEWAY_\w+)$/;
    expect(Object.keys(env).filter((name) => !expected.test(name))).toEqual([]);
  });

  test("of a serverless worker say that requests come one by one, and leave its model's owner the last word", async () => {
    const { engine } = await open();
    const instanceType = "serverless.1024";
    await engine.apply({ ...spec(), instanceType });
    await until(engine, "f-1", ready(1));
    expect((await see(engine, "f-1")).env).toMatchObject({ TIDEWAY_MAX_BATCH_SIZE: "1" });
    await engine.apply({ ...spec({ TIDEWAY_MAX_BATCH_SIZE: "7" }), id: "f-2", instanceType });
    await until(engine, "f-2", ready(1));
    expect((await see(engine, "f-2")).env).toMatchObject({ TIDEWAY_MAX_BATCH_SIZE: "7" });
  });

  test("have a socket path that fits, and that only this user reaches, below the deepest data folder", async () => {
    const root = mkdtempSync(join(tmpdir(), "tideway-engine-"));
    closers.push(() => rmSync(root, { recursive: true, force: true }));
    const { engine, close } = await open({ dir: join(root, "deep".repeat(50)) });
    await engine.apply(spec());
    const { instances } = await until(engine, "f-1", ready(1));
    const { address } = instances[0]!;
    if (address?.kind !== "unix") throw new Error("not a socket");
    expect(address.path.length).toBeLessThan(104);
    const sockets = join(address.path, "..", "..");
    expect(statSync(sockets).mode & 0o777).toBe(0o700);
    await close();
    expect(existsSync(sockets)).toBe(false);
  });

  test("have a log of bounded size that keeps the newest lines", async () => {
    const { engine, dir } = await open({ logBytes: 400_000 });
    await engine.apply(spec({ CHATTER: "5000" }));
    await until(engine, "f-1", ready(1));
    const stop = new AbortController();
    for await (const { line } of engine.logs("f-1", { follow: true, signal: stop.signal }))
      if (line.startsWith("line 4999 ")) stop.abort();
    const folder = join(dir, "f-1", "0");
    expect(statSync(join(folder, "log")).size + statSync(join(folder, "log.1")).size).toBeLessThanOrEqual(
      400_000,
    );
    expect(readFileSync(join(folder, "log"), "utf8")).toContain("line 4999 ");
    const lines = [];
    for await (const { line } of engine.logs("f-1", { follow: false, signal: new AbortController().signal }))
      lines.push(line);
    expect(lines.length).toBeGreaterThan(100);
    expect(lines.slice(1).every((line) => /^line \d+ x{100}$/.test(line))).toBe(true);
  });

  test("are removed with the fleet", async () => {
    const { engine, dir } = await open();
    await engine.apply(spec());
    await until(engine, "f-1", ready(1));
    await engine.delete("f-1");
    expect(existsSync(join(dir, "f-1"))).toBe(false);
  });
});

test("a command that is not installed is told by name", async () => {
  const { engine } = await open();
  await engine.apply(spec({}, "absent"));
  const { failure } = await until(engine, "f-1", (status) => status.failure !== undefined);
  expect(failure).toMatchObject({ reason: "image" });
  expect(failure!.message).toMatch(/The program no-such-program was not found on the PATH/);
});
