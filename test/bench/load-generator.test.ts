import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, expect, test } from "vitest";
import { LoadGenerator } from "../../bench/load/load-generator.ts";
import { verify, sha256 } from "../../src/wire/sigv4.ts";
import { collect, receive } from "../../src/wire/http.ts";
import type { Credentials } from "../../src/wire/credentials.ts";

const signer = { accessKeyId: "TWAK", secretAccessKey: "secret", region: "us-east-1" };
const principal = { accessKeyId: "TWAK", accountId: "000000000000", arn: "arn", userId: "u" };
const credentials: Credentials = { find: () => ({ secretAccessKey: "secret", principal }) };
const seen = new Set<string>();
let answered = 0;
let refuse = false;

async function accept(message: IncomingMessage): Promise<number> {
  const request = receive(message);
  const signature = verify(request, credentials, Date.now());
  const body = await collect(request.body);
  signature?.check(sha256(body));
  seen.add(body.toString());
  return refuse ? 503 : 200;
}

const server = createServer((message, reply) => {
  accept(message).then(
    (status) => {
      answered++;
      reply.writeHead(status);
      // Every other answer is chunked.
      if (seen.size % 2 === 0) reply.write("0.");
      reply.end("5\n");
    },
    () => reply.writeHead(403).end(),
  );
});
await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
const load = new LoadGenerator();
afterAll(async () => {
  await load[Symbol.asyncDispose]();
  server.closeAllConnections();
  await new Promise((done) => server.close(done));
});

const measurement = {
  url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
  path: "/endpoints/x/invocations",
  headers: { "content-type": "text/csv" },
  signer,
  bodies: Array.from({ length: 20 }, (_, index) => `${index},0`),
  connections: 4,
  milliseconds: 200,
  pids: [process.pid],
};

test("every distinct request is asked, signed, and counted with its latency and the CPU it took", async () => {
  const measured = await load.measure(measurement);
  expect([...seen].sort()).toEqual([...measurement.bodies].sort());
  expect(measured.requests).toBeGreaterThanOrEqual(20);
  expect(measured.requests).toBe(answered);
  expect(measured.p50).toBeGreaterThan(0);
  expect(measured.p99).toBeGreaterThanOrEqual(measured.p50);
  expect(measured.perSecond).toBeGreaterThan(0);
});

test("a run with refusals is no result", async () => {
  await expect(
    load.measure({ ...measurement, signer: { ...signer, secretAccessKey: "other" } }),
  ).rejects.toThrow("were not answered 200");
  refuse = true;
  await expect(load.measure(measurement)).rejects.toThrow("were not answered 200");
});

test("a server that is not there is told", async () => {
  await expect(load.measure({ ...measurement, url: "http://127.0.0.1:1" })).rejects.toThrow("ECONNREFUSED");
});
