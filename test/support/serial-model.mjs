/** A container that answers one request after the other, each in so many milliseconds: its capacity is known. */
import { createServer } from "node:http";

const milliseconds = Number(process.env.SERIAL_MS ?? 5);
let free = 0;

createServer((request, response) => {
  request.resume().on("end", () => {
    // what its client has left is worked on all the same, as in most model servers
    if (request.url !== "/ping") free = Math.max(free, performance.now()) + milliseconds;
    const wait = request.url === "/ping" ? 0 : free - performance.now();
    setTimeout(() => response.end("done"), wait);
  });
}).listen(process.env.TIDEWAY_SOCKET ?? Number(process.env.SAGEMAKER_BIND_TO_PORT), "127.0.0.1");
