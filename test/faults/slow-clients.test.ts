/** Clients that send or read slowly, or not at all: they are cut, and nobody else notices them. */
import { connect, type Socket } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { signedRequests } from "../../bench/load/signed-requests.ts";
import { WireClient } from "../../bench/load/wire-client.ts";
import { percentile } from "../../src/cli/quantities.ts";
import { ODD_MODEL } from "../support/tideway-server.ts";
import { KillableServer } from "./killable-server.ts";

const SLOWLORIS = 1000;
const SILENT = 200;
/** Each costs 4 MB of the kernel's memory, which must be full before anybody sees that it does not read. */
const READERS = 60;
const UNREAD = 6_000_000;

let server: KillableServer;
beforeAll(async () => {
  server = await KillableServer.start();
  await server.tideway.image("odd", ODD_MODEL);
  await server.tideway.deploy("odd", { Image: "odd" });
});
afterAll(() => server[Symbol.asyncDispose]());

const invocation = (body: string) =>
  signedRequests({
    url: server.tideway.server.url,
    path: "/endpoints/odd/invocations",
    bodies: [body],
    headers: { "content-type": "text/plain" },
    signer: server.tideway.server,
  })[0]!;

/** A healthy client's latencies, one request after the other, until it is told to stop. */
async function healthy(over: Promise<unknown>): Promise<{ p50: number; p99: number; count: number }> {
  const client = await WireClient.open(new URL(server.tideway.server.url));
  const request = invocation("healthy");
  const took: number[] = [];
  const state = { over: false };
  void over.finally(() => (state.over = true));
  while (!state.over) {
    const sent = performance.now();
    const status = await new Promise<number>((resolve, reject) => client.ask(request, resolve, reject));
    expect(status).toBe(200);
    took.push(performance.now() - sent);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  client.close();
  took.sort((a, b) => a - b);
  return { p50: percentile(took, 0.5), p99: percentile(took, 0.99), count: took.length };
}

/** Opens so many connections; each tells when it was cut, in ms since it was opened. */
function open(count: number, begin: (socket: Socket) => void): Promise<number>[] {
  return Array.from({ length: count }, () => {
    const socket = connection();
    const since = performance.now();
    socket.resume().on("connect", () => begin(socket));
    return new Promise((resolve) => socket.on("close", () => resolve(performance.now() - since)));
  });
}

function connection(): Socket {
  const { hostname, port } = new URL(server.tideway.server.url);
  return connect(Number(port), hostname).on("error", () => {}); // broken, when it was cut in the middle
}

/** Asks for a long answer and reads nothing of it for so long: how many bytes of it there are then. */
async function readLate(request: Buffer, ms: number): Promise<number> {
  const socket = connection().pause();
  socket.write(request);
  await pause(ms);
  const over = new Promise((resolve) => socket.on("close", resolve));
  socket.on("data", () => socket.bytesRead > UNREAD && socket.destroy()).resume();
  await over;
  return socket.bytesRead;
}

/** Twice what such a client is given, for on a busy machine its request may be late. */
const SILENCE_MS = 20_000;
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

test("F24, F25: slowloris, clients that say nothing, clients that do not read: all cut, and nobody else waits", async () => {
  const before = await healthy(pause(3000));
  const dripping = new Set<Socket>();
  const slowloris = open(SLOWLORIS, (socket) => {
    socket.write("POST /endpoints/odd/invocations HTTP/1.1\r\nhost: localhost\r\n");
    dripping.add(socket.on("close", () => dripping.delete(socket)));
  });
  const drip = setInterval(() => {
    for (const socket of dripping) socket.write("x");
  }, 1000);
  const silent = open(SILENT, () => {});
  const large = invocation(`large ${UNREAD}`);
  const late = Array.from({ length: READERS }, () => readLate(large, SILENCE_MS));

  const cut = Promise.all([Promise.all(slowloris), Promise.all(silent), Promise.all(late)]);
  const during = await healthy(cut);
  const [slowTimes, silentTimes, lateBytes] = await cut;
  clearInterval(drip);

  const last = (times: readonly number[]) =>
    `${times.length}, the last cut after ${(Math.max(...times) / 1000).toFixed(1)} s`;
  const most = Math.max(...lateBytes);
  console.log(`slowloris: ${last(slowTimes)}; silent: ${last(silentTimes)}`);
  console.log(
    `not reading for ${SILENCE_MS / 1000} s: ${READERS}, who got at most ${most} bytes of ${UNREAD}`,
  );
  for (const [when, { p50, p99, count }] of Object.entries({ before, during }))
    console.log(
      `healthy client ${when}: ${count} requests, p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`,
    );
  // the aim is 12 s, and a p99 below twice what it was; machines may be busy with something else
  for (const times of [slowTimes, silentTimes]) expect(Math.max(...times)).toBeLessThan(20_000);
  expect(most).toBeLessThan(UNREAD);
  expect(during.p50).toBeLessThan(10 * before.p50 + 20);
  expect((await server.tideway.invoke("odd", "afterwards")).text).toBe("afterwards");
}, 60_000);
