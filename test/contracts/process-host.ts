import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, describe, expect, test } from "vitest";

import type { ProcessHost, ProcessLaunch } from "../../src/compute/process/process-host.ts";
import { runs } from "./instances.ts";

/** A host on this folder; closing it ends what it runs. */
export interface HostFixture {
  readonly host: ProcessHost;
  readonly close: () => PromiseLike<void>;
}

/** The suite that every process host passes. */
export function processHostContract(name: string, open: (dir: string) => Promise<HostFixture>): void {
  describe(`process host: ${name}`, () => {
    const closers: (() => PromiseLike<void> | void)[] = [];
    afterEach(async () => {
      for (const close of closers.splice(0).toReversed()) await close();
    });
    const fixture = async () => {
      const dir = mkdtempSync(join(tmpdir(), "tideway-host-"));
      closers.push(() => rmSync(dir, { recursive: true, force: true }));
      const opened = await open(dir);
      closers.push(opened.close);
      const launch = (script: string, rest: Partial<ProcessLaunch> = {}): ProcessLaunch => {
        const folder = join(dir, "fleet", rest.id ?? "p-0");
        mkdirSync(folder, { recursive: true });
        return {
          id: "p-0",
          argv: ["/bin/sh", "-c", script],
          environment: { PATH: process.env["PATH"] ?? "", WORD: "hello" },
          folder,
          log: { path: join(folder, "log"), maxBytes: 10_000 },
          note: { written: "at start" },
          ...rest,
        };
      };
      return { ...opened, dir, launch };
    };

    test("runs a program in its folder with its environment, and keeps what it printed and how it ended", async () => {
      const { host, launch } = await fixture();
      const given = launch('echo "$WORD from $$ in $(pwd)"; echo careful >&2; exit 7');
      const started = await host.start(given);
      expect(started).toMatchObject({ id: "p-0", note: { written: "at start" } });
      expect(await started.ended).toEqual({ code: 7, signal: null });
      const end = await started.exited;
      expect(end).toMatchObject({ code: 7, signal: null });
      expect(end.logTail.toSorted()).toEqual(["careful", `hello from ${started.pid} in ${given.folder}`]);
      expect(readFileSync(given.log.path, "utf8").trim().split("\n")).toEqual(end.logTail);
      expect(started.exit).toEqual({ code: 7, signal: null });
      expect(existsSync(join(given.folder, "pid"))).toBe(false);
    });

    test("keeps a process and its note until it is forgotten", async () => {
      const { host, launch } = await fixture();
      const started = await host.start(launch("exit 0"));
      started.annotate({ written: "later" });
      await started.exited;
      expect(host.processes().map(({ id, note, exit }) => ({ id, note, exit }))).toEqual([
        { id: "p-0", note: { written: "later" }, exit: { code: 0, signal: null } },
      ]);
      started.forget();
      expect(host.processes()).toEqual([]);
    });

    test("tells the last lines of this run, not of one before", async () => {
      const { host, launch } = await fixture();
      const first = await host.start(launch("for i in $(seq 30); do echo old $i; done"));
      expect((await first.exited).logTail).toHaveLength(20);
      first.forget();
      const second = await host.start(launch("echo new"));
      expect((await second.exited).logTail).toEqual(["new"]);
    });

    test("tells a program that waits its work, with another log and note, and hears how far it is", async () => {
      const { host, launch, dir } = await fixture();
      const script = "echo early; printf xw >&3; work=$(cat <&3); echo got $work; printf s >&3; sleep 1000";
      const started = await host.start({ ...launch(script), channel: true });
      expect(started.mark).toBe(undefined);
      await started.reached("waiting");
      expect(started.mark).toBe("waiting");
      await printed(launch("").log.path, /early/);
      const log = { path: join(dir, "elsewhere", "log"), maxBytes: 10_000 };
      started.assign({ work: { model: "m" }, log, note: { written: "then" } });
      await started.reached("serving");
      expect(started).toMatchObject({ mark: "serving", note: { written: "then" } });
      await printed(log.path, /got \{"model":"m"\}/);
      expect(readFileSync(launch("").log.path, "utf8")).toBe("early\n");
      expect(host.processes().map(({ id, note, mark }) => ({ id, note, mark }))).toEqual([
        { id: "p-0", note: { written: "then" }, mark: "serving" },
      ]);
      const end = await started.stop(0);
      expect(end.logTail).toEqual(["early", 'got {"model":"m"}']);
    });

    test("stops with SIGTERM, and the whole group with SIGKILL after the grace", async () => {
      const { host, launch } = await fixture();
      const gentle = await host.start(
        launch("trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.05; done"),
      );
      const stubborn = await host.start(
        launch("trap '' TERM; sleep 1000 & echo child $!; wait; sleep 1000", { id: "p-1" }),
      );
      const log = (id: string) => join(launch("", { id }).folder, "log");
      const child = Number((await printed(log("p-1"), /child (\d+)/))[1]);
      await printed(log("p-0"), /up/);
      const ends = await Promise.all([
        gentle.stop(10_000),
        gentle.stop(10_000),
        stubborn.stop(50),
        stubborn.stop(50),
      ]);
      expect(ends[0]).toEqual({ code: 0, signal: null, logTail: ["up", "bye"] });
      expect(ends[1]).toEqual(ends[0]);
      expect(ends[2]).toMatchObject({ signal: "SIGKILL" });
      expect([gentle.pid, stubborn.pid, child].map(runs)).toEqual([false, false, false]);
      expect(await gentle.stop(0)).toEqual(ends[0]);
    });

    test("notices at once that a program dies, and ends what it left behind", async () => {
      const { host, launch } = await fixture();
      const started = await host.start(launch("sleep 1000 & echo child $!; wait"));
      const child = Number((await printed(launch("").log.path, /child (\d+)/))[1]);
      process.kill(started.pid, "SIGKILL");
      expect(await started.ended).toEqual({ code: null, signal: "SIGKILL" });
      await started.exited;
      // it is killed by then; its new parent may take a moment to notice
      await expect.poll(() => runs(child)).toBe(false);
    });

    test("refuses a second process of one id, and what can not be started, and keeps nothing of either", async () => {
      const { host, launch, dir } = await fixture();
      const started = await host.start(launch("sleep 1000"));
      await expect(host.start(launch("sleep 1000"))).rejects.toThrow(
        `The process p-0 runs already, as ${started.pid}.`,
      );
      await expect(
        host.start({ ...launch("exit 0", { id: "p-1" }), folder: join(dir, "none") }),
      ).rejects.toThrow(/ENOENT/);
      expect(host.processes().map(({ pid }) => pid)).toEqual([started.pid]);
    });

    test("has a folder for sockets that only this user enters, and ends everything when it is closed", async () => {
      const { host, launch, close } = await fixture();
      const started = await host.start(launch("sleep 1000"));
      expect(statSync(host.runDir).mode & 0o777).toBe(0o700);
      expect(`${host.runDir}/0123456789ab/s`.length).toBeLessThan(104);
      await close();
      expect(runs(started.pid)).toBe(false);
      expect(existsSync(host.runDir)).toBe(false);
      await expect(host.start(launch("exit 0"))).rejects.toThrow(/is stopping|is gone/);
    });
  });
}

/** Resolves when the file has what is asked for. */
async function printed(path: string, asked: RegExp): Promise<RegExpExecArray> {
  for (;;) {
    const found = existsSync(path) ? asked.exec(readFileSync(path, "utf8")) : null;
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
