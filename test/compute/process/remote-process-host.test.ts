import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, expect, test } from "vitest";

import { systemClock } from "../../../src/base/clock.ts";
import { silentLog } from "../../../src/base/log.ts";
import { openLocalProcessHost } from "../../../src/compute/process/local-process-host.ts";
import { openRemoteProcessHost } from "../../../src/compute/process/remote-process-host.ts";
import { serveProcessHost } from "../../../src/compute/process/serve-process-host.ts";
import { processHostContract } from "../../contracts/process-host.ts";
import { channelPair } from "./channel-pair.ts";

processHostContract("over a channel", async (dir) => {
  const local = openLocalProcessHost({ dir, clock: systemClock, log: silentLog, graceMs: 50 });
  const { near, far } = channelPair();
  serveProcessHost(local, far);
  return { host: await openRemoteProcessHost(near), close: () => local[Symbol.asyncDispose]() };
});

const closers: (() => PromiseLike<void> | void)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

function served() {
  const dir = mkdtempSync(join(tmpdir(), "tideway-host-"));
  closers.push(() => rmSync(dir, { recursive: true, force: true }));
  const local = openLocalProcessHost({ dir, clock: systemClock, log: silentLog, graceMs: 50 });
  closers.push(() => local[Symbol.asyncDispose]());
  const launch = (id: string, script: string) => {
    const folder = join(dir, "fleet", id);
    mkdirSync(folder, { recursive: true });
    return {
      id,
      argv: ["/bin/sh", "-c", script],
      environment: {},
      folder,
      log: { path: join(folder, "log"), maxBytes: 10_000 },
      note: { of: id },
    };
  };
  return { local, launch };
}

test("an engine that opens the host finds what runs, what ended since, and what was being started", async () => {
  const { local, launch } = served();
  const channel = channelPair();
  serveProcessHost(local, channel.far);
  const first = await openRemoteProcessHost(channel.near);
  const running = await first.start(launch("runs", "sleep 1000"));
  running.annotate({ of: "runs", ready: true });
  const ended = await first.start(launch("ended", "echo last words; exit 3"));
  await ended.exited;
  void first.start(launch("starting", "sleep 1000"));

  const second = await openRemoteProcessHost(channel.near);
  const found = second.processes().toSorted((one, other) => (one.id < other.id ? -1 : 1));
  expect(found.map(({ id, note, exit }) => ({ id, note, exit }))).toEqual([
    { id: "ended", note: { of: "ended" }, exit: { code: 3, signal: null } },
    { id: "runs", note: { of: "runs", ready: true }, exit: undefined },
    { id: "starting", note: { of: "starting" }, exit: undefined },
  ]);
  expect(found[1]!.pid).toBe(running.pid);
  expect(await found[0]!.exited).toEqual({ code: 3, signal: null, logTail: ["last words"] });
  expect(await found[1]!.stop(1000)).toMatchObject({ signal: "SIGTERM" });
  found[0]!.forget();
  found[1]!.forget();
  expect((await openRemoteProcessHost(channel.near)).processes().map(({ id }) => id)).toEqual(["starting"]);
});

test("what an engine asked is not answered to the one that came after it", async () => {
  const { local, launch } = served();
  const { near, far } = channelPair();
  serveProcessHost(local, far);
  const heard: string[] = [];
  near.onMessage((message) => heard.push((message as { kind: string }).kind));
  near.send({ kind: "open" });
  near.send({ kind: "start", request: 1, launch: launch("quick", "exit 0") });
  near.send({ kind: "open" });
  await new Promise((resolve) => setImmediate(resolve));
  await local.processes()[0]!.exited;
  await new Promise((resolve) => setImmediate(resolve));
  expect(heard).toEqual(["opened", "opened", "ended", "exited"]);
});

test("whoever waits for a host whose channel closes is told so", async () => {
  const { local, launch } = served();
  const channel = channelPair();
  serveProcessHost(local, channel.far);
  const host = await openRemoteProcessHost(channel.near);
  const running = await host.start(launch("runs", "sleep 1000"));
  const pending = [
    host.start(launch("other", "sleep 1000")),
    running.ended,
    running.exited,
    running.stop(10),
  ];
  channel.close();
  for (const one of pending)
    await expect(one).rejects.toThrow("The process that owns the instances is gone.");
  await expect(host.start(launch("third", "exit 0"))).rejects.toThrow("is gone");

  const mute = channelPair();
  const opening = openRemoteProcessHost(mute.near);
  mute.close();
  await expect(opening).rejects.toThrow("is gone");
});
