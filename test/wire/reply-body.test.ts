import { connect } from "node:net";
import { afterEach, expect, test } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import { createListener, type Listener, type RequestHandler } from "../../src/wire/listener.ts";
import { endReply, pipeReply } from "../../src/wire/reply-body.ts";

let listener: Listener | undefined;
afterEach(() => listener?.[Symbol.asyncDispose]());

async function ask(handler: RequestHandler) {
  listener = createListener(handler, { clock: systemClock });
  const { port } = await listener.listen(0, "127.0.0.1");
  const socket = connect(port, "127.0.0.1").on("error", () => {});
  socket.pause().write("GET / HTTP/1.1\r\nhost: localhost\r\n\r\n");
  return socket;
}

async function* endless(onChunk: () => void) {
  for (;;) {
    onChunk();
    yield Buffer.alloc(65_536);
  }
}

test.each([
  ["a whole answer", false],
  ["a stream", true],
])("who reads nothing of %s is cut, also when it goes on sending", async (_what, streamed) => {
  const cut = Promise.withResolvers<void>();
  let chunks = 0;
  const socket = await ask(async (_message, reply) => {
    reply.on("close", cut.resolve);
    await new Promise((resolve) => setImmediate(resolve)); // the request has been read, as it has wherever it is proven
    reply.writeHead(200);
    if (streamed)
      await pipeReply(
        reply,
        endless(() => void chunks++),
        100,
      );
    else endReply(reply, Buffer.alloc(32 << 20), 100);
  });
  const send = setInterval(() => socket.write("\r\n"), 20);
  await cut.promise;
  clearInterval(send);
  expect(chunks).toBeLessThan(400); // 26 MB: the kernel's buffers
  socket.destroy();
});

test("who reads slowly, and goes on reading, is not", async () => {
  const size = 24 << 20;
  const socket = await ask(async (_message, reply) => {
    reply.writeHead(200, { "content-length": size });
    endReply(reply, Buffer.alloc(size), 300);
  });
  let bytes = 0;
  const over = new Promise((resolve) => socket.on("close", resolve));
  socket.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    socket.pause();
    if (bytes >= size) socket.destroy();
    else setTimeout(() => socket.resume(), 1);
  });
  socket.resume();
  await over;
  expect(bytes).toBeGreaterThanOrEqual(size);
});

test("what was sent while an answer was read is answered after it", async () => {
  let served = 0;
  const socket = await ask(async (_message, reply) => {
    reply.writeHead(200, { "content-length": 24 << 20 });
    endReply(reply, Buffer.alloc(24 << 20), 2000);
    if (++served === 3) socket.end();
  });
  const over = new Promise((resolve) => socket.on("close", resolve));
  await new Promise((resolve) => setTimeout(resolve, 50));
  socket.write("GET / HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(2));
  socket.on("data", () => {}).resume();
  await over;
  expect([served, socket.bytesRead > 3 * (24 << 20)]).toEqual([3, true]);
});
