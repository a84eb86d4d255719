import { createServer } from "node:net";

import type { Clock } from "../../base/clock.ts";
import { request } from "../../base/node-http.ts";
import type { Address } from "../engine.ts";

/** Asks an instance's `GET /ping`: its HTTP status, or why there is none. Never rejects, never takes longer than `timeoutMs`. */
export function ping(
  address: Address,
  timeoutMs: number,
  clock: Clock,
  signal: AbortSignal,
): Promise<number | string> {
  if (signal.aborted) return Promise.resolve("stopped");
  return new Promise((resolve) => {
    const where =
      address.kind === "unix" ? { socketPath: address.path } : { host: address.host, port: address.port };
    const attempt = request({ ...where, path: "/ping", agent: false, maxHeaderSize: 16_384 });
    const finish = (answer: number | string) => {
      cancel();
      signal.removeEventListener("abort", stop);
      attempt.destroy();
      resolve(answer);
    };
    const cancel = clock.after(timeoutMs, () => finish(`no answer within ${timeoutMs} ms`));
    const stop = () => finish("stopped");
    signal.addEventListener("abort", stop);
    attempt.on("response", (response) => finish(response.statusCode ?? 0));
    attempt.on("error", (error: NodeJS.ErrnoException) => finish(error.code ?? error.message));
    attempt.end();
  });
}

/** A TCP port of the loopback interface that nothing listens on at this moment. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
}
