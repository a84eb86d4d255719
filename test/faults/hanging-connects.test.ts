/** Peers that take no connection and refuse none: every way to them ends at its deadline. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, expect, test } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import { silentLog } from "../../src/base/log.ts";
import { systemRandom } from "../../src/base/random.ts";
import { createDataPlane } from "../../src/dataplane/create-data-plane.ts";
import { openRemoteStore } from "../../src/objects/remote/remote-store.ts";
import { endpoint, invocation, table, variant } from "../dataplane/routing.ts";

/** Listens, and then does nothing ever again. */
const PROGRAM = `const server = require("node:net").createServer().listen({ port: 0, host: "127.0.0.1", backlog: 1 }, () => {
  require("node:fs").writeSync(1, server.address().port + "\\n");
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
})`;

const cleanup = new AsyncDisposableStack();
let port = 0;
beforeAll(async () => {
  const child = spawn(process.execPath, ["-e", PROGRAM], { stdio: ["ignore", "pipe", "inherit"] });
  const exited = once(child, "exit");
  cleanup.defer(async () => {
    child.kill("SIGKILL");
    await exited;
  });
  const [line] = (await once(createInterface(child.stdout), "line")) as [string];
  port = Number(line);
  // until the kernel's queue is full, connections are made without the program
  for (let connected = true; connected;) {
    const socket = cleanup.adopt(connect(port, "127.0.0.1"), (one: Socket) => void one.destroy());
    const patience = Promise.withResolvers<false>();
    const timer = setTimeout(patience.resolve, 300, false);
    connected = await Promise.race([once(socket, "connect").then(() => true), patience.promise]);
    clearTimeout(timer);
  }
});
afterAll(() => cleanup.disposeAsync());

test("an instance's: the caller gets a ModelError, and the slot is free", async () => {
  await using dataPlane = createDataPlane({ clock: systemClock, random: systemRandom, log: silentLog });
  const address = { kind: "tcp", host: "127.0.0.1", port } as const;
  dataPlane.route(table(1, endpoint([variant([{ id: "hung", address }])], { timeoutMs: 200 })));
  expect(await dataPlane.invoke(invocation())).toMatchObject({ kind: "model-error", status: 0 });
  expect(dataPlane.inFlight("fleet-1")).toBe(0);
});

test("F29: a remote S3's: given up after 5 s", async () => {
  await using store = openRemoteStore({
    endpoint: `http://127.0.0.1:${port}`,
    region: "us-east-1",
    forcePathStyle: true,
    credentials: { accessKeyId: "A", secretAccessKey: "s" },
    attempts: 1,
  });
  await expect(store.head("bucket", "key")).rejects.toMatchObject({ name: "TimeoutError" });
});
