/**
 * The baseline of a large request: one process without anything between socket and model. It reads the body, checks its
 * signature, decodes it and runs the model, with the same code as Tideway's own processes.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { systemClock } from "../src/base/clock.ts";
import { Invocations } from "../src/model-server/invocations.ts";
import { loadOnnx } from "../src/model-server/onnx.ts";
import type { Credentials } from "../src/wire/credentials.ts";
import { collect, receive } from "../src/wire/http.ts";
import { sha256, verify } from "../src/wire/sigv4.ts";

const [file = "", secretAccessKey = ""] = process.argv.slice(2);
const principal = { accessKeyId: "bench", accountId: "000000000000", arn: "bench", userId: "bench" };
const credentials: Credentials = { find: () => ({ secretAccessKey, principal }) };
const model = await loadOnnx(file, 1);
const settings = {
  maxBodyBytes: 100_000_000,
  batch: false,
  defaultAccept: undefined,
  log: (line: string) => console.error(line),
};
const invocations = new Invocations(model, { maxRows: 1, maxDelayMs: 0 }, settings, systemClock);

async function answer(message: IncomingMessage, reply: ServerResponse): Promise<void> {
  const request = receive(message);
  const signature = verify(request, credentials, Date.now());
  const body = await collect(request.body);
  signature?.check(sha256(body));
  invocations.invoke(request.headers["content-type"], request.headers["accept"], body, {
    gone: false,
    answer: ({ status, type, body }) =>
      reply.writeHead(status, { "content-type": type, "content-length": body.length }).end(body),
  });
}

const server = createServer((message, reply) => {
  answer(message, reply).catch((error: Error) => reply.writeHead(500).end(error.message));
});
server.listen(0, "127.0.0.1", () => {
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
