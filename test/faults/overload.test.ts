/** More load than a model can bear: what it can do it still does in time, and the rest is told so at once. */
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openLoop, type OpenLoopResult } from "../../bench/load/open-loop.ts";
import { signedRequests } from "../../bench/load/signed-requests.ts";
import { KillableServer } from "./killable-server.ts";

const SERIAL_MODEL = fileURLToPath(new URL("../support/serial-model.mjs", import.meta.url));
/** A second: 20 ms a request, so that 20 times as many are no work for a small machine that is busy. */
const CAPACITY = 50;
/** Clients leave after this. */
const deadlineMs = 1000;

let server: KillableServer;
let requests: Buffer[];
beforeAll(async () => {
  // a process of its own, so that the load costs it no time
  server = await KillableServer.start();
  const { tideway } = server;
  await tideway.image("serial", SERIAL_MODEL);
  await tideway.deploy("serial", { Image: "serial", Environment: { SERIAL_MS: "20" } });
  requests = signedRequests({
    url: tideway.server.url,
    path: "/endpoints/serial/invocations",
    bodies: Array.from({ length: 100 }, (_, row) => `${row},2,3`),
    headers: { "content-type": "text/csv" },
    signer: tideway.server,
  });
});
afterAll(() => server[Symbol.asyncDispose]());

async function load(times: number, milliseconds: number, retries = 0): Promise<OpenLoopResult> {
  const { url } = server.tideway.server;
  const perSecond = CAPACITY * times;
  const result = await openLoop({ url, requests, perSecond, milliseconds, deadlineMs, retries });
  const figures = Object.entries(result).map(([name, value]) => `${name} ${Math.round(value)}`);
  console.log(`${times} times what it can do${retries ? `, ${retries} retries` : ""}: ${figures.join(", ")}`);
  return result;
}

test("F104: 5 and 20 times too much", async () => {
  const peak = await load(0.95, 2000);
  expect(peak).toMatchObject({ rejected: 0, failed: 0 });
  for (const times of [5, 20]) {
    await load(times, 1000); // until its pace is known
    const result = await load(times, 2500);
    expect(result.failed).toBe(0);
    expect(result.rejected).toBeGreaterThan(2.5 * (times - 2) * CAPACITY);
    // the aims are 0.9 and 0.8 of the peak, and 50 ms at the 99th percentile; machines may be busy with something else
    expect(result.goodput).toBeGreaterThan(peak.goodput * 0.6);
    expect(result.rejectedP50).toBeLessThan(100);
    expect(result.rejectedP99).toBeLessThan(result.p50);
  }
}, 60_000);

test("F105: a storm of retries ends with the load that caused it", async () => {
  await load(5, 1500, 3);
  await load(0.5, 1500, 3);
  const after = await load(0.5, 1500, 3);
  expect(after).toMatchObject({ rejected: 0, late: 0, failed: 0 });
}, 60_000);
