import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import { instanceCaller, InputBroke, InstanceBroke } from "../../src/dataplane/instance-call.ts";

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
  server = undefined;
});

async function instance(listener: RequestListener) {
  server = createServer(listener);
  await new Promise<void>((resolve) => server!.listen(0, "127.0.0.1", resolve));
  return { kind: "tcp", host: "127.0.0.1", port: (server.address() as AddressInfo).port } as const;
}

const CHUNK = Buffer.alloc(65_536, "x");
const CHUNKS = 200;
async function* large() {
  for (let chunk = 0; chunk < CHUNKS; chunk++) yield CHUNK;
}
const length = CHUNK.length * CHUNKS;

const ask = (
  address: Awaited<ReturnType<typeof instance>>,
  body: AsyncIterable<Uint8Array> = large(),
  signal = new AbortController().signal,
) => instanceCaller(systemClock)({ address, headers: { "content-type": "text/csv" }, body, length, signal });
const sizeOf = async (body: AsyncIterable<Uint8Array>) => {
  let size = 0;
  for await (const chunk of body) size += chunk.byteLength;
  return size;
};

test("a model that answers while it reads gets all of the input", async () => {
  const address = await instance((request, response) => void request.pipe(response));
  const answer = await ask(address);
  expect(await sizeOf(answer.body)).toBe(length);
});

test("one that answers without reading is heard", async () => {
  const address = await instance((_, response) =>
    response.writeHead(413, { "content-type": "text/plain", connection: "close" }).end("too much"),
  );
  const answer = await ask(address);
  expect([answer.status, answer.contentType]).toEqual([413, "text/plain"]);
  expect(await sizeOf(answer.body)).toBe(8);
});

test("an input that breaks off is told apart from an instance that does", async () => {
  const address = await instance(
    (request, response) => void request.on("end", () => response.end()).resume(),
  );
  async function* broken() {
    yield CHUNK;
    throw new Error("cut");
  }
  await expect(ask(address, broken())).rejects.toEqual(new InputBroke("cut"));
});

test("an instance that breaks off, in front of its answer or within it", async () => {
  const deaf = await instance((request) => request.socket.destroy());
  await expect(ask(deaf)).rejects.toMatchObject({ name: "InstanceBroke", reached: true });
  server!.close();
  const cut = await instance((_, response) => {
    response.writeHead(200, { "content-length": 100 });
    response.write("a part", () => response.destroy());
  });
  await expect(sizeOf((await ask(cut)).body)).rejects.toBeInstanceOf(InstanceBroke);
});

test("nobody there, and nobody's time any more", async () => {
  const address = await instance(() => {});
  const abort = new AbortController();
  const waiting = ask(address, large(), abort.signal);
  setImmediate(() => abort.abort());
  await expect(waiting).rejects.toThrow();
  server!.closeAllConnections();
  await new Promise((resolve) => server!.close(resolve));
  await expect(ask(address)).rejects.toMatchObject({ name: "InstanceBroke", reached: false });
});
