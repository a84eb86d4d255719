/** Control and workers of a serverless endpoint, killed while requests wait for workers. */
import { fileURLToPath } from "node:url";
import * as sagemaker from "@aws-sdk/client-sagemaker";
import { expect, test } from "vitest";
import { KillableServer, runs, until } from "./killable-server.ts";
import { ANSWER, answers, ROW, seesProcesses, steadyServer } from "./steady-server.ts";

const SERIAL_MODEL = fileURLToPath(new URL("../support/serial-model.mjs", import.meta.url));
const REQUESTS = 4;

async function start(...options: string[]): Promise<KillableServer> {
  const server = await KillableServer.start(...options);
  await server.tideway.image("serial", SERIAL_MODEL, "{socket}");
  await server.tideway.deploy(
    "serial",
    { Image: "serial", Environment: { SERIAL_MS: "1000" } },
    {
      InstanceType: undefined,
      InitialInstanceCount: undefined,
      ServerlessConfig: { MemorySizeInMB: 1024, MaxConcurrency: REQUESTS },
    },
  );
  return server;
}

const ask = ({ tideway }: KillableServer) =>
  tideway.invoke("serial", "x").then(
    ({ text }) => text,
    (error: Error) => error.name,
  );

test.skipIf(!seesProcesses)(
  "control killed while workers are started: who waits is answered, and by more than the worker that ran (needs /proc)",
  { timeout: 60_000 },
  async () => {
    await using server = await start("--gateways", "2");
    const before = server.instances();
    const answers = Array.from({ length: REQUESTS }, () => ask(server));
    for (const pid of server.role("control")) process.kill(pid, "SIGKILL");
    await until(() => server.instances().length > before.length);
    expect(await Promise.all(answers)).toEqual(Array.from({ length: REQUESTS }, () => "done"));
    expect(server.instances()).toEqual(expect.arrayContaining(before));
    expect(server.instances().length).toBeLessThanOrEqual(REQUESTS);
  },
);

test.skipIf(!seesProcesses)(
  "a worker killed with a request: that one fails, those that wait are answered (needs /proc)",
  { timeout: 60_000 },
  async () => {
    await using server = await start();
    const [victim] = server.programs();
    const answers = Array.from({ length: REQUESTS }, () => ask(server));
    await until(() => server.programs().length > 1);
    process.kill(victim!, "SIGKILL");
    const ended = (await Promise.all(answers)).toSorted();
    expect(ended.filter((end) => end === "ModelError").length).toBeLessThanOrEqual(1);
    expect(ended.filter((end) => end === "done").length).toBeGreaterThanOrEqual(REQUESTS - 1);
    expect(await ask(server)).toBe("done");
  },
);

test.skipIf(!seesProcesses)(
  "control killed, then the server: a warm worker is taken over and serves, and none outlives the server (needs /proc)",
  { timeout: 60_000 },
  async () => {
    await using server = await steadyServer(1);
    const { tideway } = server;
    await tideway.config("small", {
      ModelName: "steady",
      InstanceType: undefined,
      InitialInstanceCount: undefined,
      ServerlessConfig: { MemorySizeInMB: 1024, MaxConcurrency: 2 },
    });
    await tideway.sagemaker.send(
      new sagemaker.CreateEndpointCommand({ EndpointName: "small", EndpointConfigName: "small" }),
    );
    await tideway.settled("small");
    await until(() => server.warmWorkers().length === 1);
    const [worker] = server.warmWorkers();
    const [control] = server.role("control");
    process.kill(control!, "SIGKILL");
    await until(() => server.role("control").some((pid) => pid !== control));
    // the worker that proved the model is busy with one, so the other needs another
    const both = () => Promise.all([1, 2].map(() => tideway.invoke("small", ROW).then(({ text }) => text)));
    await until(async () => {
      for (const text of await both()) expect(text).toMatch(ANSWER);
      return server.modelServers().includes(worker!);
    });
    await until(() => server.warmWorkers().length === 1);
    expect(server.warmWorkers()).not.toContain(worker);

    const left = [...server.processes().keys()];
    expect(left).toEqual(expect.arrayContaining([worker, ...server.warmWorkers()]));
    await server.kill();
    await until(() => left.every((pid) => !runs(pid)));
    await server.restart();
    await until(() => answers(server));
    await until(() => server.warmWorkers().length === 1);
  },
);
