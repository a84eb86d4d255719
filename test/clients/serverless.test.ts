import { copyFileSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as sagemaker from "@aws-sdk/client-sagemaker";
import { afterEach, expect, test } from "vitest";
import { jsonLog } from "../../src/base/log.ts";
import type { ServerOptions } from "../../src/main.ts";
import { ODD_MODEL, TidewayServer } from "../support/tideway-server.ts";

const SERIAL_MODEL = fileURLToPath(new URL("../support/serial-model.mjs", import.meta.url));
const HOSTILE_MODEL = fileURLToPath(new URL("../support/hostile-model.mjs", import.meta.url));

const servers: AsyncDisposable[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server[Symbol.asyncDispose]();
});

async function start(options: Partial<ServerOptions> = {}): Promise<TidewayServer> {
  const { PATH, HOME } = process.env;
  const server = await TidewayServer.start({
    env: { PATH, HOME, TIDEWAY_SERVERLESS_IDLE_SECONDS: "1" },
    patience: { drainMs: 10 },
    ...options,
  });
  servers.push(server);
  await server.image("odd", ODD_MODEL, "{socket}");
  await server.image("serial", SERIAL_MODEL, "{socket}");
  await server.image("hostile", HOSTILE_MODEL, "{socket}");
  return server;
}

const serverless = (more: Partial<sagemaker.ProductionVariantServerlessConfig> = {}) =>
  ({
    InstanceType: undefined,
    InitialInstanceCount: undefined,
    ServerlessConfig: { MemorySizeInMB: 1024, MaxConcurrency: 2, ...more },
  }) satisfies Partial<sagemaker.ProductionVariant>;

/** Of the instances that run. */
const processIds = (server: TidewayServer) =>
  instanceFolders(server)
    .filter((folder) => readdirSync(folder).includes("pid"))
    .map((folder) => (JSON.parse(readFileSync(join(folder, "pid"), "utf8")) as { pid: number }).pid);

/** One per instance that was ever started of the fleets there are. */
function instanceFolders({ dataDir }: TidewayServer): string[] {
  const fleets = readdirSync(join(dataDir, "instances"), { withFileTypes: true }).filter(
    (one) => one.isDirectory() && !one.name.startsWith("."),
  );
  return fleets.flatMap(({ parentPath, name }) =>
    readdirSync(join(parentPath, name))
      .filter((slot) => /^\d+$/.test(slot))
      .map((slot) => join(parentPath, name, slot)),
  );
}

async function idle(server: TidewayServer): Promise<void> {
  await expect.poll(() => processIds(server), { timeout: 20_000 }).toEqual([]);
}

test("an idle endpoint has no instance; its next request starts one, and is answered by it", async () => {
  const lines: string[] = [];
  const server = await start({ log: jsonLog((line) => void lines.push(line)) });
  expect(await server.deploy("odd", { Image: "odd" }, serverless())).toMatchObject({
    EndpointStatus: "InService",
    ProductionVariants: [{ DesiredServerlessConfig: { MemorySizeInMB: 1024, MaxConcurrency: 2 } }],
  });
  const first = (await server.invoke("odd", "who")).text;
  expect((await server.invoke("odd", "who")).text).toBe(first);
  await idle(server);
  const second = (await server.invoke("odd", "who")).text;
  expect(second).not.toBe(first);
  expect(instanceFolders(server)).toHaveLength(1);
  const starts = lines.filter((line) => line.includes("An instance is ready."));
  expect(starts).toHaveLength(2);
  for (const line of starts) {
    const { preparedMs, startedMs } = JSON.parse(line) as Record<string, number>;
    for (const phase of [preparedMs, startedMs]) expect(phase).toBeGreaterThanOrEqual(0);
    expect(startedMs).toBeLessThan(60_000);
  }
});

test("a burst from zero starts no more workers than MaxConcurrency, and throttles what is more", async () => {
  const server = await start();
  await server.deploy("serial", { Image: "serial", Environment: { SERIAL_MS: "500" } }, serverless());
  await idle(server);
  const ends = await Promise.all(
    Array.from({ length: 500 }, () =>
      server.invoke("serial", "x").then(
        ({ text }) => text,
        (error: Error & { $metadata: { httpStatusCode: number } }) =>
          `${error.name} ${error.$metadata.httpStatusCode}`,
      ),
    ),
  );
  const count = (end: string) => ends.filter((one) => one === end).length;
  expect(count("done")).toBeGreaterThanOrEqual(2);
  expect(count("done") + count("ThrottlingException 400")).toBe(500);
  expect(count("ThrottlingException 400")).toBeGreaterThan(0);
  expect(instanceFolders(server).length).toBeLessThanOrEqual(2);
});

test("provisioned workers stay; an update changes how many", async () => {
  const server = await start();
  await server.deploy("odd", { Image: "odd" }, serverless({ ProvisionedConcurrency: 1 }));
  const pids = () => processIds(server);
  const first = pids();
  await server.sagemaker.send(
    new sagemaker.UpdateEndpointWeightsAndCapacitiesCommand({
      EndpointName: "odd",
      DesiredWeightsAndCapacities: [
        {
          VariantName: "AllTraffic",
          ServerlessUpdateConfig: { MaxConcurrency: 3, ProvisionedConcurrency: 2 },
        },
      ],
    }),
  );
  expect(await server.settled("odd")).toMatchObject({
    EndpointStatus: "InService",
    ProductionVariants: [
      { CurrentServerlessConfig: { MemorySizeInMB: 1024, MaxConcurrency: 3, ProvisionedConcurrency: 2 } },
    ],
  });
  await new Promise((resolve) => setTimeout(resolve, 3500));
  expect(pids()).toHaveLength(2);
  expect(pids()).toEqual(expect.arrayContaining(first));
  expect(pids()).toContain(Number((await server.invoke("odd", "who")).text));
});

test("a worker that takes more memory than MemorySizeInMB is ended, and the next request has another", async () => {
  const server = await start({ limits: { memoryMiB: 256 } });
  await server.deploy("hostile", { Image: "hostile" }, serverless());
  await expect(server.invoke("hostile", "allocate")).rejects.toThrow(/could not get a response/);
  expect((await server.invoke("hostile", "still there")).text).toBe("still there");
});

test("a worker that can not be started any more: who waits for it hears so, and is served once it can", async () => {
  const server = await start();
  const program = join(server.dataDir, "model.mjs");
  copyFileSync(ODD_MODEL, program);
  await server.image("gone", program, "{socket}");
  await server.deploy("gone", { Image: "gone" }, serverless());
  await idle(server);
  rmSync(program);
  await expect(server.invoke("gone", "x")).rejects.toThrow("again and again when it is started");
  copyFileSync(ODD_MODEL, program);
  const answer = () =>
    server.invoke("gone", "x").then(
      ({ text }) => text,
      (error: Error) => error.name,
    );
  await expect.poll(answer, { timeout: 60_000, interval: 500 }).toBe("x");
}, 90_000);

test("a body of more than 4,194,304 bytes is refused", async () => {
  const server = await start();
  await server.deploy("odd", { Image: "odd" }, serverless());
  expect((await server.invoke("odd", Buffer.alloc(4_194_304, "x"))).text).toHaveLength(4_194_304);
  await expect(server.invoke("odd", Buffer.alloc(4_194_305, "x"))).rejects.toThrow(
    "HTTP content length exceeded 4194304 bytes.",
  );
});

test("an endpoint that is deleted tells those who wait, and leaves nothing running", async () => {
  const server = await start();
  await server.deploy("serial", { Image: "serial", Environment: { SERIAL_MS: "3000" } }, serverless());
  const [busy, waiting] = [server.invoke("serial", "x"), server.invoke("serial", "x")].map((one) =>
    one.then(({ text }) => text).catch((error: Error) => error.message),
  );
  const another = () => server.invoke("serial", "x").catch((error: Error) => error.name);
  await expect.poll(another, { timeout: 20_000 }).toBe("ThrottlingException");
  await server.sagemaker.send(new sagemaker.DeleteEndpointCommand({ EndpointName: "serial" }));
  expect(["done", "Endpoint serial of account 000000000000 not found."]).toContain(await waiting);
  expect(await busy).toBe("done");
  await expect.poll(() => instanceFolders(server), { timeout: 20_000 }).toEqual([]);
});

test("to instances by an update, and not back", async () => {
  const server = await start();
  await server.deploy("odd", { Image: "odd" }, serverless());
  await server.config("instances", { ModelName: "odd" });
  const update = (EndpointConfigName: string) =>
    server.sagemaker.send(new sagemaker.UpdateEndpointCommand({ EndpointName: "odd", EndpointConfigName }));
  await update("instances");
  expect(await server.settled("odd")).toMatchObject({
    EndpointStatus: "InService",
    ProductionVariants: [{ CurrentInstanceCount: 1 }],
  });
  expect((await server.invoke("odd", "hello")).text).toBe("hello");
  await expect(update("odd")).rejects.toThrow("to a serverless configuration");
});
