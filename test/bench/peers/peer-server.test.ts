import { dirname } from "node:path";
import { expect, test } from "vitest";
import { LoadGenerator } from "../../../bench/load/load-generator.ts";
import { PeerServer } from "../../../bench/peers/peer-server.ts";
import type { Peer } from "../../../bench/peers/peers.ts";
import { familyOf } from "../../../bench/processes.ts";

const BIN = dirname(process.execPath);
const SERVER = `
  const child = require("node:child_process").spawn("sleep", ["60"]);
  process.on("SIGTERM", () => {});
  require("node:http").createServer((request, reply) => {
    request.resume().on("end", () => reply.writeHead(request.url === "/ask" ? 200 : 404).end("{}"));
  }).listen(Number(process.argv[1]), "127.0.0.1");`;

const peer = (program: string): Peer => ({
  name: "a peer",
  requirements: "none",
  path: "/ask",
  contentType: "application/json",
  body: (row) => `[${row}]`,
  command: async ({ port }) => ["node", "-e", program, String(port)],
});

test("a peer is measured once it answers, and ends with all that it started, even if it does not want to", async () => {
  const server = await PeerServer.start(peer(SERVER), BIN, 1, ["1,2", "3,4"]);
  const { pids, load, ...target } = server.target;
  expect(target.bodies).toEqual(["[1,2]", "[3,4]"]);
  const family = pids();
  expect(family).toHaveLength(2);
  expect(server.residentBytes).toBeGreaterThan(20e6);
  expect(load).toBeInstanceOf(LoadGenerator);
  const measured = await load!.measure({ ...target, pids: family, connections: 2, milliseconds: 50 });
  expect(measured.requests).toBeGreaterThan(2);
  await server[Symbol.asyncDispose]();
  const left = familyOf(process.pid);
  for (const pid of family) expect(left).not.toContain(pid);
});

test("a peer that does not start says why", async () => {
  const broken = peer('console.error("no module named peer"); process.exit(3)');
  await expect(PeerServer.start(broken, BIN, 1, ["1"])).rejects.toThrow("it wrote: no module named peer");
});
