/**
 * A container whose answers to one input differ: the input and a number of its own. Each invocation is noted as a line
 * in the file RECORD, so that a test can tell how often an input was worked on. WORK_MS is how long one takes.
 */
import { appendFileSync } from "node:fs";
import { createServer } from "node:http";

const { RECORD, WORK_MS = "10" } = process.env;

createServer((request, response) => {
  const parts = [];
  request.on("data", (part) => parts.push(part));
  request.on("end", () => {
    if (request.url === "/ping") {
      response.end();
      return;
    }
    const input = Buffer.concat(parts).toString();
    appendFileSync(RECORD, `${input}\n`);
    setTimeout(() => response.end(`${input} ${Math.random()}`), Number(WORK_MS));
  });
}).listen(process.env.TIDEWAY_SOCKET ?? Number(process.env.SAGEMAKER_BIND_TO_PORT));
