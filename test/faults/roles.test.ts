/** Control, gateways, instances and the supervisor, killed and hung one at a time, under load. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as sagemaker from "@aws-sdk/client-sagemaker";
import { expect, test } from "vitest";
import { EXAMPLES, modelArchive, ODD_MODEL } from "../support/tideway-server.ts";
import { InvocationLoad } from "./invocation-load.ts";
import { KillableServer, until } from "./killable-server.ts";

const onnx = readFileSync(join(EXAMPLES, "breast-cancer/model.onnx"));
const row = readFileSync(join(EXAMPLES, "breast-cancer/rows.csv"), "utf8").split("\n")[0]!;
/** How the processes of a server are looked at. */
const seesProcesses = existsSync("/proc/self/stat");
const KILLS = 5;

/** A server with an endpoint `steady` of the built-in model server. */
async function steadyServer(instances: number, ...options: string[]): Promise<KillableServer> {
  const server = await KillableServer.start(...options);
  const { tideway } = server;
  const ModelDataUrl = await tideway.upload("steady.tar.gz", await modelArchive({ "model.onnx": onnx }));
  const container = { Image: "tideway/auto", ModelDataUrl };
  const endpoint = await tideway.deploy("steady", container, { InitialInstanceCount: instances });
  expect(endpoint.EndpointStatus).toBe("InService");
  return server;
}

const sum = (failures: InvocationLoad["failures"]) => failures.map(({ what }) => what);

test.skipIf(!seesProcesses)(
  "kill -9 of control under load: no invocation fails, the API comes back, instances keep their processes, creations go on (needs /proc)",
  async () => {
    await using server = await steadyServer(2);
    const { tideway } = server;
    await tideway.image("odd", ODD_MODEL);
    const instances = [...server.processes().keys()].sort();
    const load = new InvocationLoad(tideway.server, "steady", row, { kept: 8, fresh: 4, expected: /,/ });
    const back: number[] = [];
    for (let kill = 0; kill < KILLS; kill++) {
      await load.more(200);
      const name = `begun-${kill}`;
      await tideway.model(name, { Image: "odd" });
      await tideway.config(name, {});
      await tideway.sagemaker.send(
        new sagemaker.CreateEndpointCommand({ EndpointName: name, EndpointConfigName: name }),
      );
      const [control] = server.role("control");
      process.kill(control!, "SIGKILL");
      const killed = performance.now();
      // asked while control is away: the gateway holds the request until it is back
      await until(() => tideway.describe("steady").then(() => true, unlessRestarting));
      back.push(performance.now() - killed);
      expect(server.role("control")).not.toContain(control);
      expect((await tideway.settled(name)).EndpointStatus).toBe("InService");
      await tideway.sagemaker.send(new sagemaker.DeleteEndpointCommand({ EndpointName: name }));
    }
    await load.more(200);
    await load.stop();
    console.log(
      `${KILLS} kills of control, ${load.answered} invocations, ${load.failures.length} failed; API back after ${back.map((ms) => Math.round(ms)).join(", ")} ms`,
    );
    expect(sum(load.failures)).toEqual([]);
    const still = [...server.processes().keys()];
    for (const pid of instances) expect(still).toContain(pid);
  },
  120_000,
);

test.skipIf(!seesProcesses)(
  "kill -9 of a gateway: its connections drop, new ones are answered by the other and then by its successor (needs /proc)",
  async () => {
    await using server = await steadyServer(1, "--gateways", "2");
    const load = new InvocationLoad(server.tideway.server, "steady", row, {
      kept: 8,
      fresh: 4,
      expected: /,/,
    });
    for (let kill = 0; kill < KILLS; kill++) {
      await load.more(200);
      const gateways = server.role("gateway");
      expect(gateways).toHaveLength(2);
      const before = load.failures.length;
      process.kill(gateways[kill % 2]!, "SIGKILL");
      await until(
        () => server.role("gateway").length === 2 && !server.role("gateway").includes(gateways[kill % 2]!),
      );
      await load.more(200);
      // one request per caller can have been on a connection that broke
      expect(load.failures.length - before).toBeLessThanOrEqual(12);
    }
    await load.stop();
    console.log(
      `${KILLS} kills of a gateway, ${load.answered} invocations, ${load.failures.length} cut with their connection`,
    );
    expect(sum(load.failures).filter((what) => !/ECONNRESET|socket hang up|EPIPE/.test(what))).toEqual([]);
  },
  120_000,
);

test.skipIf(!seesProcesses)(
  "kill -9 of an instance: only its own requests fail, and it is replaced while the endpoint stays in service (needs /proc)",
  async () => {
    await using server = await steadyServer(2);
    const load = new InvocationLoad(server.tideway.server, "steady", row, {
      kept: 8,
      fresh: 0,
      expected: /,/,
    });
    for (let kill = 0; kill < KILLS; kill++) {
      await load.more(200);
      await until(() => instanceTitles(server).length === 2);
      const [victim] = instanceTitles(server);
      const before = load.failures.length;
      process.kill(victim!, "SIGKILL");
      await load.more(200);
      expect((await server.tideway.describe("steady")).EndpointStatus).toBe("InService");
      expect(load.failures.length - before).toBeLessThanOrEqual(8);
      await until(() => instanceTitles(server).length === 2);
    }
    await load.stop();
    console.log(
      `${KILLS} kills of an instance, ${load.answered} invocations, ${load.failures.length} failed with it`,
    );
    expect(sum(load.failures).filter((what) => !what.startsWith("424 "))).toEqual([]);
  },
  120_000,
);

test.skipIf(!seesProcesses)(
  "kill -9 of the supervisor: nothing is left running, and the next start serves (needs /proc)",
  async () => {
    await using server = await steadyServer(1, "--gateways", "2");
    const pids = [...server.role("control"), ...server.role("gateway"), ...server.processes().keys()];
    expect(pids.length).toBeGreaterThanOrEqual(4);
    await server.kill();
    await until(() => pids.every((pid) => !existsSync(`/proc/${pid}`)));
    await server.restart();
    expect((await server.tideway.settled("steady")).EndpointStatus).toBe("InService");
    await until(() =>
      server.tideway.invoke("steady", row).then(
        ({ text }) => text.includes(","),
        () => false,
      ),
    );
  },
  60_000,
);

test.skipIf(!seesProcesses)(
  "a control or a gateway that hangs is ended and replaced (needs /proc)",
  async () => {
    await using server = await steadyServer(1);
    for (const role of ["control", "gateway"]) {
      const [hung] = server.role(role);
      process.kill(hung!, "SIGSTOP");
      await until(() => !existsSync(`/proc/${hung}`) && server.role(role).length === 1);
    }
    await until(() =>
      server.tideway.invoke("steady", row).then(
        ({ text }) => text.includes(","),
        () => false,
      ),
    );
    expect((await server.tideway.describe("steady")).EndpointStatus).toBe("InService");
  },
  60_000,
);

/** What a request may end with that control had begun to answer: every SDK tries again then. */
function unlessRestarting(error: Error): boolean {
  if (error.name !== "ServiceUnavailable") throw error;
  return false;
}

/** The model servers among the processes of instances, without the shells that guard them. */
function instanceTitles(server: KillableServer): number[] {
  return [...server.processes().keys()].filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, "latin1").startsWith("tideway: instance");
    } catch {
      return false;
    }
  });
}
