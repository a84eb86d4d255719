import { afterEach, describe, expect, test } from "vitest";

import type { Address, ContainerSpec, Engine, FleetSpec } from "../../src/compute/engine.ts";
import { ask, failed, ready, runs, see, until } from "./instances.ts";

/** An engine as the suite needs it: impatient, with an artifact to load and an image that runs contract-server.mjs. */
export interface EngineFixture {
  readonly engine: Engine;
  /** Runs test/contracts/contract-server.mjs. */
  readonly image: string;
  /** Holds one file, `model.txt`, with "weights". */
  readonly artifact: NonNullable<ContainerSpec["artifact"]>;
  /** Is never fetched to its end. */
  readonly endlessArtifact: NonNullable<ContainerSpec["artifact"]>;
  readonly missingArtifact: NonNullable<ContainerSpec["artifact"]>;
  readonly close: () => Promise<void>;
}

/** The suite that every engine passes. */
export function engineContract(name: string, open: () => Promise<EngineFixture>): void {
  describe(`engine: ${name}`, () => {
    const fixtures: EngineFixture[] = [];
    afterEach(async () => {
      for (const fixture of fixtures.splice(0)) await fixture.close();
    });
    const fixture = async () => {
      const opened = await open();
      fixtures.push(opened);
      const spec = (environment: Record<string, string> = {}, rest: Partial<FleetSpec> = {}): FleetSpec => ({
        id: "f-1",
        endpoint: "iris",
        variant: "main",
        container: { image: opened.image, environment },
        instanceType: "ml.m5.large",
        desired: 1,
        downloadTimeoutMs: 5000,
        startupTimeoutMs: 10_000,
        ...rest,
      });
      return { ...opened, spec };
    };

    test("starts instances that keep the container contract", async () => {
      const { engine, spec, artifact, image } = await fixture();
      const given = spec({ MODEL_FILE: "model.txt", SLOW_MS: "30" });
      const first = await engine.apply({ ...given, container: { ...given.container, image, artifact } });
      expect(first).toMatchObject({ id: "f-1", desired: 1 });
      const status = await until(engine, "f-1", ready(1));
      expect(status.digest).toMatch(/^[0-9a-f]{64}$/);
      expect(status.resolvedImage).toBeDefined();
      const [instance] = status.instances;
      const { pending, downloading, starting, ready: at } = instance!.timeline;
      expect([pending, downloading, starting, at]).toEqual(
        [pending!, downloading!, starting!, at!].toSorted((a, b) => a - b),
      );
      expect(instance!.restarts).toBe(0);
      const seen = await see(engine, "f-1");
      expect(seen.model).toBe("weights");
      expect(seen.pid).toBe(instance!.pid);
    });

    test("gives an instance the user's environment and no credentials", async () => {
      const { engine, spec } = await fixture();
      await engine.apply(spec({ GREETING: "hello $HOME", TIDEWAY_THREADS: "2" }));
      await until(engine, "f-1", ready(1));
      const { env } = await see(engine, "f-1");
      expect(env).toMatchObject({ GREETING: "hello $HOME", TIDEWAY_THREADS: "2", AWS_REGION: "us-east-1" });
      expect(Object.keys(env).filter((name) => /SECRET|TOKEN|ACCESS_KEY/.test(name))).toEqual([]);
    });

    test("answers the same spec with the status, and one that differs in its container with an error", async () => {
      const { engine, spec, artifact } = await fixture();
      const given = spec({}, { container: { image: (await fixture()).image, environment: {}, artifact } });
      await engine.apply(given);
      const before = await until(engine, "f-1", ready(1));
      const digest = before.digest!;
      expect(await engine.apply(given)).toEqual(before);
      const known = { ...given, container: { ...given.container, artifact: { ...artifact, digest } } };
      expect((await engine.apply(known)).instances).toEqual(before.instances);
      await expect(engine.apply(spec({ OTHER: "1" }))).rejects.toThrow(/another container/);
      await expect(engine.apply({ ...given, id: "../x" })).rejects.toThrow(/is not \[a-z0-9-\]\+/);
      expect(engine.fleets()).toHaveLength(1);
    });

    test("fails a fleet whose program ends before it is ready, with its last lines", async () => {
      const { engine, spec } = await fixture();
      await engine.apply(spec({ CRASH_AT_START: "no module named torch" }, { desired: 2 }));
      const { failure } = await until(engine, "f-1", failed);
      expect(failure).toMatchObject({ reason: "crash" });
      expect(failure!.message).toMatch(
        /exited with code 1 before it answered GET \/ping.*no module named torch/,
      );
      expect(failure!.logTail.at(-1)).toBe("no module named torch");
      const status = await until(engine, "f-1", ({ instances }) =>
        instances.every(({ phase }) => phase === "exited"),
      );
      expect(status.instances.every(({ pid }) => pid === undefined)).toBe(true);
      expect(
        (await engine.apply(spec({ CRASH_AT_START: "no module named torch" }, { desired: 2 }))).failure,
      ).toEqual(failure);
    });

    test.each([
      ["answers 503", { NEVER_READY: "1" }, /within 0\.4 s: the last answer was HTTP 503/],
      ["never listens", { SLOW_MS: "60000" }, /within 0\.4 s: it does not listen/],
      ["answers garbage", { GARBAGE: "1" }, /within 0\.4 s: the last attempt ended with HPE_/],
    ])("fails a fleet whose program %s until the startup timeout", async (_, environment, message) => {
      const { engine, spec } = await fixture();
      await engine.apply(spec(environment, { startupTimeoutMs: 400 }));
      const { failure } = await until(engine, "f-1", failed);
      expect(failure).toMatchObject({ reason: "startup-timeout" });
      expect(failure!.message).toMatch(message);
      expect(failure!.message).toContain("ContainerStartupHealthCheckTimeoutInSeconds");
    });

    test("fails a fleet whose image or artifact is not to be had", async () => {
      const { engine, spec, image, missingArtifact, endlessArtifact } = await fixture();
      await engine.apply(spec({}, { container: { image: "no/such:image", environment: {} } }));
      expect((await until(engine, "f-1", failed)).failure).toMatchObject({ reason: "image" });
      await engine.apply(
        spec({}, { id: "f-2", container: { image, environment: {}, artifact: missingArtifact } }),
      );
      expect((await until(engine, "f-2", failed)).failure).toMatchObject({ reason: "artifact" });
      const endless = { image, environment: {}, artifact: endlessArtifact };
      await engine.apply(spec({}, { id: "f-3", container: endless, downloadTimeoutMs: 1000 }));
      const { failure, download } = await until(engine, "f-3", failed);
      expect(failure).toMatchObject({ reason: "download-timeout" });
      expect(failure!.message).toContain("within 1 s");
      expect(download!.bytes).toBeGreaterThan(0);
    });

    test("takes a dead instance out at once and starts it again", async () => {
      const { engine, spec } = await fixture();
      await engine.apply(spec());
      const before = await until(engine, "f-1", ready(1));
      const gone = until(engine, "f-1", ({ instances }) => instances[0]!.phase !== "ready");
      process.kill(before.instances[0]!.pid!, "SIGKILL");
      expect((await gone).instances[0]!.address).toBeUndefined();
      const after = await until(engine, "f-1", ready(1));
      expect(after.instances[0]).toMatchObject({ id: before.instances[0]!.id, restarts: 1 });
      expect(after.instances[0]!.pid).not.toBe(before.instances[0]!.pid);
      expect(after.failure).toBeUndefined();
      expect(await see(engine, "f-1")).toMatchObject({ pid: after.instances[0]!.pid });
    });

    test.each([
      ["is stopped", async (address: Address, pid: number) => void process.kill(pid, "SIGSTOP")],
      ["answers nothing any more", async (address: Address) => void (await ask(address, "/stick"))],
    ])("replaces an instance that %s", async (_, harm) => {
      const { engine, spec } = await fixture();
      await engine.apply(spec());
      const before = await until(engine, "f-1", ready(1));
      await harm(before.instances[0]!.address!, before.instances[0]!.pid!);
      const after = await until(
        engine,
        "f-1",
        ({ instances }) => instances[0]!.restarts === 1 && instances[0]!.phase === "ready",
      );
      expect(after.instances[0]!.pid).not.toBe(before.instances[0]!.pid);
    });

    test("shrinks by what does not answer before it shrinks by what does", async () => {
      const { engine, spec } = await fixture();
      await engine.apply(spec({}, { desired: 2 }));
      const [first, second] = (await until(engine, "f-1", ready(2))).instances;
      process.kill(first!.pid!, "SIGKILL");
      await until(engine, "f-1", ({ instances }) => instances.some(({ phase }) => phase === "exited"));
      await engine.apply(spec({}, { desired: 1 }));
      const { instances } = await until(engine, "f-1", (status) => status.instances.length === 1);
      expect(instances).toMatchObject([{ id: second!.id, phase: "ready", pid: second!.pid }]);
    });

    test("grows and shrinks in place", async () => {
      const { engine, spec } = await fixture();
      await engine.apply(spec());
      const one = await until(engine, "f-1", ready(1));
      await engine.apply(spec({}, { desired: 3 }));
      const three = await until(engine, "f-1", ready(3));
      expect(new Set(three.instances.map(({ id }) => id)).size).toBe(3);
      await engine.apply(spec({}, { desired: 1 }));
      expect(engine.status("f-1")!.instances.filter(({ phase }) => phase === "ready")).toHaveLength(1);
      const last = await until(engine, "f-1", ready(1));
      expect(last.instances).toEqual(one.instances);
      await engine.apply(spec({}, { desired: 0 }));
      await until(engine, "f-1", ready(0));
      await engine.apply(spec({}, { desired: 1 }));
      await until(engine, "f-1", ready(1));
    });

    test("deletes with SIGTERM first, and SIGKILL after the grace", async () => {
      const { engine, spec } = await fixture();
      await engine.apply(spec());
      await engine.apply(spec({ IGNORE_SIGTERM: "1" }, { id: "f-2" }));
      const pids = [];
      for (const id of ["f-1", "f-2"]) pids.push((await until(engine, id, ready(1))).instances[0]!.pid!);
      const lines: string[] = [];
      const following = (async () => {
        for await (const { line } of engine.logs("f-1", {
          follow: true,
          signal: new AbortController().signal,
        }))
          lines.push(line);
      })();
      await Promise.all([engine.delete("f-1"), engine.delete("f-1"), engine.delete("f-2")]);
      await following;
      expect(lines.at(-1)).toBe("got SIGTERM");
      expect(pids.map(runs)).toEqual([false, false]);
      expect(engine.status("f-1")).toBeUndefined();
      expect(engine.fleets()).toEqual([]);
      await engine.delete("f-1");
      await engine.delete("never-was");
    });

    test("deletes what is still downloading or starting", async () => {
      const { engine, spec, image, endlessArtifact } = await fixture();
      await engine.apply(spec({ SLOW_MS: "60000" }));
      await until(engine, "f-1", ({ instances }) => instances[0]!.pid !== undefined);
      const container = { image, environment: {}, artifact: endlessArtifact };
      await engine.apply(spec({}, { id: "f-2", container }));
      await until(engine, "f-2", ({ download }) => download !== undefined);
      await Promise.all([engine.delete("f-1"), engine.delete("f-2")]);
      expect(engine.fleets()).toEqual([]);
      await engine.apply(spec());
      await until(engine, "f-1", ready(1));
    });

    test("tells the lines that instances print, from the first on, and follows", async () => {
      const { engine, spec } = await fixture();
      await engine.apply(spec({ CHATTER: "3" }, { desired: 2 }));
      await until(engine, "f-1", ready(2));
      const { signal } = new AbortController();
      const lines: string[] = [];
      for await (const { instance, line } of engine.logs("f-1", { follow: false, signal })) {
        expect(engine.status("f-1")!.instances.map(({ id }) => id)).toContain(instance);
        lines.push(line);
      }
      expect(lines.filter((line) => line.startsWith("line 2 "))).toHaveLength(2);

      const stop = new AbortController();
      const followed: string[] = [];
      let from: string | undefined;
      const [first] = engine.status("f-1")!.instances;
      for await (const { instance, line } of engine.logs("f-1", { follow: true, signal: stop.signal })) {
        followed.push(line);
        if (followed.length === 8) process.kill(first!.pid!, "SIGTERM");
        if (line === "got SIGTERM") {
          from = instance;
          stop.abort();
        }
      }
      expect(from).toBe(first!.id);
      for await (const _ of engine.logs("never-was", { follow: true, signal }))
        throw new Error("no lines expected");
    });

    test("follows every fleet whose id begins so, also one that comes later, until none is left", async () => {
      const { engine, spec } = await fixture();
      await engine.apply(spec({}, { id: "e-r1" }));
      await engine.apply(spec({}, { id: "other" }));
      for (const id of ["e-r1", "other"]) await until(engine, id, ready(1));
      const from: string[] = [];
      const following = (async () => {
        const { signal } = new AbortController();
        for await (const { instance, line } of engine.logs("e-", { follow: true, signal }))
          from.push(`${instance}: ${line.split(" ")[0]}`);
      })();
      await engine.apply(spec({}, { id: "e-r2" }));
      await until(engine, "e-r2", ready(1));
      await engine.delete("e-r1");
      await engine.delete("e-r2");
      await following;
      expect(from.toSorted()).toEqual(["e-r1-0: got", "e-r1-0: starting", "e-r2-0: got", "e-r2-0: starting"]);
    });

    test("ends everything when it is closed", async () => {
      const { engine, spec, close } = await fixture();
      await engine.apply(spec({}, { desired: 2 }));
      const { instances } = await until(engine, "f-1", ready(2));
      await close();
      expect(instances.map(({ pid }) => runs(pid!))).toEqual([false, false]);
      await expect(engine.apply(spec())).rejects.toThrow("closed");
    });
  });
}
