/** What tests of engines ask of fleets and their instances. */
import { readFileSync } from "node:fs";
import { request } from "node:http";

import type { Address, Engine, FleetStatus } from "../../src/compute/engine.ts";

/** How an engine under test is set: grace 300 ms, drain 10 ms, a ping each 50 ms that waits 200 ms and may fail twice. */
export const PATIENCE = {
  graceMs: 300,
  drainMs: 10,
  pingIntervalMs: 50,
  pingTimeoutMs: 200,
  pingMisses: 3,
} as const;

/** What contract-server.mjs answers to an invocation. */
export interface Seen {
  readonly pid: number;
  readonly grandchild?: number;
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly model?: string;
}

/** Asks an instance; resolves with the body. */
export function ask(
  address: Address,
  path = "/invocations",
  method = "POST",
  body?: string,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const where =
      address.kind === "unix" ? { socketPath: address.path } : { host: address.host, port: address.port };
    request({ ...where, path, method, headers: { "content-type": "text/csv" }, agent: false }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => (body += chunk));
      response.on("end", () => resolve(body));
      response.on("error", reject);
    })
      .on("error", reject)
      .end(body);
  });
}

/** What the first instance of a fleet sees of the world. */
export async function see(engine: Engine, fleet: string): Promise<Seen> {
  return JSON.parse(await ask(engine.status(fleet)!.instances[0]!.address!)) as Seen;
}

/** Resolves with the status as soon as the fleet is as asked. */
export function until(
  engine: Engine,
  fleet: string,
  asked: (status: FleetStatus) => boolean,
): Promise<FleetStatus> {
  return new Promise((resolve) => {
    const look = () => {
      const status = engine.status(fleet);
      if (!status || !asked(status)) return;
      stop();
      resolve(status);
    };
    const stop = engine.watch((changed) => changed === fleet && look());
    look();
  });
}

export const ready = (count: number) => (status: FleetStatus) =>
  status.instances.filter((instance) => instance.phase === "ready").length === count &&
  status.instances.length === count;
export const failed = (status: FleetStatus) => status.failure !== undefined;

/** Whether a process runs; a zombie does not. */
export function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return process.platform !== "linux" || !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, "latin1"));
  } catch {
    return false;
  }
}
