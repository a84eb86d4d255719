/**
 * A container for tests of whole endpoints. What `/invocations` does, its body says:
 * `status 500 text` answers so; `hang` never answers; `crash` ends the process; `drip N` sends N lines one by one;
 * `large N` sends N bytes; `raw X` sends the bytes that X is in base64, in place of an HTTP answer;
 * `break` sends a part and breaks off; `who` answers with the process id; anything else is answered with itself, after
 * WORK_MS.
 */
import { createServer } from "node:http";

createServer((request, response) => {
  const parts = [];
  request.on("data", (part) => parts.push(part));
  request.on("end", async () => {
    const body = Buffer.concat(parts);
    const [word, first, ...rest] = body.toString("utf8", 0, 1000).split(" ");
    if (request.url === "/ping") response.end();
    else if (word === "status") response.writeHead(Number(first)).end(rest.join(" "));
    else if (word === "crash") process.exit(3);
    else if (word === "who") response.end(String(process.pid));
    else if (word === "large") response.end(Buffer.alloc(Number(first), "x"));
    else if (word === "raw") {
      request.socket.write(Buffer.from(body.toString("latin1", 4), "base64"));
      setTimeout(() => request.socket.end(), 100); // node holds its own answer to be still under way
    } else if (word === "headers")
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(request.headers));
    else if (word === "drip") {
      response.writeHead(200, { "content-type": "text/plain" });
      for (let line = 0; line < Number(first); line++) {
        response.write(`line ${line}\n`);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      response.end();
    } else if (word === "break") {
      response.writeHead(200, { "content-type": "text/plain", "content-length": 1000 });
      response.write("a part", () => response.destroy());
    } else if (word !== "hang") {
      await new Promise((resolve) => setTimeout(resolve, Number(process.env.WORK_MS ?? 0)));
      response
        .writeHead(200, {
          "content-type": request.headers["content-type"] ?? "text/plain",
          "x-amzn-sagemaker-custom-attributes":
            request.headers["x-amzn-sagemaker-custom-attributes"] ?? "none",
        })
        .end(body);
    }
  });
}).listen(
  process.env.TIDEWAY_SOCKET ?? Number(process.env.SAGEMAKER_BIND_TO_PORT),
  process.env.TIDEWAY_SOCKET ? undefined : "127.0.0.1",
);
