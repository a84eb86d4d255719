import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { WireClient } from "../../bench/load/wire-client.ts";

const PROGRAM = fileURLToPath(new URL("small-server.ts", import.meta.url));
const FEW = 64;
const MANY = 200;
const canLimit = spawnSync("prlimit", ["--version"]).status === 0;

test.skipIf(!canLimit)(
  "F63: without file descriptors, who is connected is served, and others are when there are some again (needs prlimit)",
  async () => {
    const child = spawn("prlimit", [`--nofile=${FEW}:${FEW}`, process.execPath, PROGRAM], {
      stdio: ["ignore", "pipe", "inherit", "ipc"],
    });
    const exited = once(child, "exit");
    const [line] = (await once(createInterface(child.stdout!), "line")) as [string];
    const port = Number(line);
    const url = new URL(`http://127.0.0.1:${port}`);
    const request = Buffer.from("GET / HTTP/1.1\r\nhost: localhost\r\n\r\n");
    const ask = (client: WireClient) =>
      new Promise<number>((resolve, reject) => client.ask(request, resolve, reject));
    try {
      const early = await WireClient.open(url);
      expect(await ask(early)).toBe(200);
      const crowd = Array.from({ length: MANY }, () => {
        const socket = connect(port, "127.0.0.1")
          .on("error", () => {})
          .resume();
        return { socket, over: once(socket, "close") };
      });
      let refused = 0;
      for (const { over } of crowd) void over.then(() => refused++);
      let served = 0;
      // as many as the kernel lets wait, or the server closes, cannot be served
      for (let at = Date.now(); Date.now() - at < 1000; served++) expect(await ask(early)).toBe(200);
      const waiting = crowd.length - refused;
      for (const { socket } of crowd) socket.destroy();
      await Promise.all(crowd.map(({ over }) => over));
      // the server may not have seen yet that the crowd is gone, and turn one or two more away
      const late = await untilServed(url, ask);
      expect(child.exitCode).toBeNull();
      console.log(
        `${FEW} descriptors, ${MANY} clients: ${MANY - waiting} refused, ${waiting} held or waiting; ${served} requests of the first one served meanwhile`,
      );
      expect(served).toBeGreaterThan(10);
      early.close();
      late.close();
    } finally {
      child.disconnect();
      await exited;
    }
  },
);

/** A client of its own that got an answer; the test's time limit is the only bound. */
async function untilServed(url: URL, ask: (client: WireClient) => Promise<number>): Promise<WireClient> {
  for (;;) {
    try {
      const client = await WireClient.open(url);
      if ((await ask(client)) === 200) return client;
      client.close();
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
