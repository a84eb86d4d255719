/** A container that prints what it is sent, and its words of farewell when it is asked to end. */
import { createServer } from "node:http";

console.log("hello from the model");
createServer((request, response) => {
  const parts = [];
  request.on("data", (part) => parts.push(part));
  request.on("end", () => {
    if (request.url !== "/ping") console.error(Buffer.concat(parts).toString());
    response.end("ok");
  });
}).listen(process.env.TIDEWAY_SOCKET);
process.on("SIGTERM", () => {
  console.log("the last words");
  process.exit(0);
});
