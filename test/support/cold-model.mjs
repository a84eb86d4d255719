/** A container whose first invocation takes long, as where a model is loaded lazily; answers `cold` to that, then `warm`. */
import { createServer } from "node:http";

let answer = "cold";

createServer((request, response) => {
  request.resume().on("end", () => {
    const cold = request.url === "/invocations" && answer === "cold";
    setTimeout(() => response.end(request.url === "/ping" ? "" : cold ? "cold" : answer), cold ? 500 : 0);
    if (cold) answer = "warm";
  });
}).listen(process.env.TIDEWAY_SOCKET ?? Number(process.env.SAGEMAKER_BIND_TO_PORT), "127.0.0.1");
