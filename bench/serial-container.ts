/** A container that answers one request after the other, each in 20 ms, with its process id: its capacity is known, and who answered. */
import { createServer } from "node:http";

const MILLISECONDS = 20;
let free = 0;

createServer((request, reply) => {
  request.resume().on("end", () => {
    if (request.url !== "/ping") free = Math.max(free, performance.now()) + MILLISECONDS;
    const wait = request.url === "/ping" ? 0 : free - performance.now();
    setTimeout(() => reply.end(String(process.pid)), wait);
  });
}).listen(Number(process.argv[2] ?? 8080), "127.0.0.1");
