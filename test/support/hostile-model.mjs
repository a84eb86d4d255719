/**
 * A container that does harm as the body of an invocation says: `allocate` memory without end, `fork` without end,
 * `leak N` keeps N MiB, `spin` for ever, `read PATH`, `write PATH`, `list PATH`, `connect PORT`, `signal PID`. It answers
 * with what came of it; anything else is answered with itself. GREEDY_AT_START allocates before it listens.
 */
import { spawn } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { connect } from "node:net";

const kept = [];
const allocate = () => {
  for (;;) kept.push(Buffer.alloc(16 << 20, 1));
};
if (process.env.GREEDY_AT_START) allocate();

const harm = {
  allocate,
  leak: (mebibytes) => String(kept.push(Buffer.alloc(Number(mebibytes) << 20, 1))),
  fork() {
    const fork = "fork() { fork | fork & wait; }; fork";
    // three lines of descent: one that the kernel refuses does not end the others
    for (let line = 0; line < 3; line++)
      spawn("/bin/sh", ["-c", fork], { stdio: "ignore" }).on("error", () => {});
    return "forking";
  },
  spin() {
    for (;;);
  },
  read: (path) => readFileSync(path, "latin1"),
  write: (path) => writeFileSync(path, "written by a hostile model") ?? "written",
  list: (path) => readdirSync(path).join(" "),
  signal: (pid) => process.kill(Number(pid), "SIGKILL") && "sent",
  connect: (port) =>
    new Promise((resolve, reject) => {
      const socket = connect({ port: Number(port), host: "127.0.0.1" }, () => resolve("connected"));
      socket.on("error", reject);
    }),
};

createServer((request, response) => {
  const parts = [];
  request.on("data", (part) => parts.push(part));
  request.on("end", async () => {
    const body = Buffer.concat(parts).toString();
    const [word, argument] = body.split(" ");
    try {
      response.end(request.url === "/ping" ? "" : await (harm[word]?.(argument) ?? body));
    } catch (error) {
      response.end(`refused: ${error.code ?? error.message}`);
    }
  });
}).listen(
  process.env.TIDEWAY_SOCKET ?? Number(process.env.SAGEMAKER_BIND_TO_PORT),
  process.env.TIDEWAY_SOCKET ? undefined : "127.0.0.1",
);
