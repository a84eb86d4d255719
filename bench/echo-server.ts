/** The baseline: a bare node:http server that reads a request and answers with the same bytes that Tideway would. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

interface Answer {
  readonly headers: Record<string, string>;
  /** base64 */
  readonly body: string;
}

const { headers, body } = JSON.parse(process.argv[2] ?? '{"headers":{},"body":""}') as Answer;
const bytes = Buffer.from(body, "base64");

const server = createServer((request, reply) => {
  request.resume();
  request.on("end", () => {
    reply.writeHead(200, headers);
    reply.end(bytes);
  });
});
server.keepAliveTimeout = 60_000;
server.listen(0, "127.0.0.1", () => {
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
