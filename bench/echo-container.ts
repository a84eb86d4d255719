/** A container that keeps the contract and answers with what it is sent. Port 0 takes a free one, and says which. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

const server = createServer((request, reply) => {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    const body = Buffer.concat(chunks);
    reply.writeHead(200, {
      "content-type": request.headers["content-type"] ?? "application/octet-stream",
      "content-length": String(body.length),
    });
    reply.end(body);
  });
});
server.keepAliveTimeout = 60_000;
server.listen(Number(process.argv[2] ?? 8080), "127.0.0.1", () => {
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
