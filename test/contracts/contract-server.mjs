/**
 * A tiny program that keeps the container contract, and breaks it as its environment says:
 * SLOW_MS, NEVER_READY, CRASH_AT_START, CRASH_ON_INVOKE, IGNORE_SIGTERM, GARBAGE, CHATTER, GRANDCHILD.
 * `POST /invocations` answers with what the instance sees of the world.
 */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createServer as createRawServer } from "node:net";

const env = process.env;
console.log(`starting as ${process.pid}`);
if (env.CRASH_AT_START) {
  console.error(env.CRASH_AT_START);
  process.exit(1);
}
for (let line = 0; line < Number(env.CHATTER ?? 0); line += 1) console.log(`line ${line} ${"x".repeat(100)}`);
const grandchild = env.GRANDCHILD ? spawn("sleep", ["1000"], { stdio: "inherit" }).pid : undefined;
process.on("SIGTERM", () => {
  console.log("got SIGTERM");
  if (!env.IGNORE_SIGTERM) process.exit(0);
});

let stuck = false;
const server = env.GARBAGE
  ? createRawServer((socket) => socket.on("error", () => {}).end("\x00garbage, not HTTP\r\n\r\n"))
  : createServer((request, response) => {
      if (stuck) return;
      if (request.url === "/ping") response.writeHead(env.NEVER_READY ? 503 : 200).end();
      else if (request.url === "/stick") {
        stuck = true;
        response.end();
      } else if (request.url === "/crash") {
        console.error("crashing as told");
        process.exit(3);
      } else {
        const model =
          env.MODEL_FILE && readFileSync(`${env.SAGEMAKER_BASE_DIR}/model/${env.MODEL_FILE}`, "utf8");
        response.end(
          JSON.stringify({
            pid: process.pid,
            grandchild,
            argv: process.argv.slice(2),
            cwd: process.cwd(),
            env,
            model,
          }),
        );
      }
    });
setTimeout(
  () => {
    if (env.TIDEWAY_SOCKET) server.listen(env.TIDEWAY_SOCKET);
    else server.listen(Number(env.SAGEMAKER_BIND_TO_PORT ?? 8080), "127.0.0.1");
  },
  Number(env.SLOW_MS ?? 0),
);
