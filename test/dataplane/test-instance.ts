/** Hand-written containers for the tests: an HTTP one, and one that answers raw bytes. */
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createRawServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { InstanceRoute } from "../../src/dataplane/routing-table.ts";

export interface TestInstance extends AsyncDisposable {
  readonly route: InstanceRoute;
  /** Paths of the requests seen. */
  readonly seen: string[];
  readonly sockets: Set<Socket>;
  /** Like kill -9: every connection breaks, and no new one is taken. */
  kill(): Promise<void>;
}

let number = 0;

/** A container whose answers the handler makes, on a unix socket. */
export async function httpInstance(
  handler: (request: IncomingMessage, body: Buffer, reply: ServerResponse) => unknown,
): Promise<TestInstance> {
  const seen: string[] = [];
  const server = createServer({ keepAliveTimeout: 0 }, (request, reply) => {
    seen.push(request.url!);
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => void handler(request, Buffer.concat(chunks), reply));
  });
  return listening(server, seen);
}

/** A container that hears bytes and says bytes. */
export async function rawInstance(onData: (socket: Socket, data: Buffer) => void): Promise<TestInstance> {
  const seen: string[] = [];
  const server = createRawServer((socket) => {
    socket.on("error", () => {});
    socket.on("data", (data) => {
      seen.push(data.toString("latin1").split(" ")[1] ?? "");
      onData(socket, data);
    });
  });
  return listening(server, seen);
}

/** Answers with what was sent. */
export const echo = (request: IncomingMessage, body: Buffer, reply: ServerResponse): void => {
  reply.writeHead(200, { "content-type": request.headers["content-type"] ?? "application/octet-stream" });
  reply.end(body);
};

async function listening(server: Server, seen: string[]): Promise<TestInstance> {
  const folder = await mkdtemp(join(tmpdir(), "tideway-instance-"));
  const path = join(folder, "socket");
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const kill = async () => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const socket of sockets) socket.destroy();
    await closed;
    await rm(folder, { recursive: true, force: true });
  };
  return {
    route: { id: `instance-${++number}`, address: { kind: "unix", path } },
    seen,
    sockets,
    kill,
    [Symbol.asyncDispose]: () => (server.listening ? kill() : Promise.resolve()),
  };
}

/** Writes so many chunks of 64 KiB, as fast as they are taken; `sent` hears of each. */
export function flood(reply: ServerResponse, chunks: number, sent: () => void): void {
  const chunk = Buffer.alloc(64 * 1024, 1);
  let left = chunks;
  const more = (): void => {
    while (left > 0) {
      left--;
      sent();
      if (!reply.write(chunk)) {
        reply.once("drain", more);
        return;
      }
    }
    reply.end();
  };
  more();
}
