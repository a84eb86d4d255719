/** Gateways between clients and a control that dies again and again: all joined as in processes of their own. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { InvokeEndpointCommand, SageMakerRuntimeClient } from "@aws-sdk/client-sagemaker-runtime";
import { expect, test } from "vitest";
import { systemClock as clock } from "../../src/base/clock.ts";
import { silentLog as log } from "../../src/base/log.ts";
import { systemRandom as random } from "../../src/base/random.ts";
import { ControlLink } from "../../src/dataplane/control-link.ts";
import { createDataPlane } from "../../src/dataplane/create-data-plane.ts";
import { GatewayHub } from "../../src/dataplane/gateway-hub.ts";
import { createForwarder, FORWARDED_LIMITS } from "../../src/gateway/forward.ts";
import { createGateway } from "../../src/gateway/gateway.ts";
import { createListener } from "../../src/wire/listener.ts";
import { endpoint, variant } from "../dataplane/routing.ts";
import { echo, httpInstance } from "../dataplane/test-instance.ts";
import { ACCOUNT, KEYS } from "./test-gateway.ts";

const RESTARTS = 25;

/** One gateway, as its process has it. */
async function startGateway(dir: string, id: string, parts: AsyncDisposableStack): Promise<number> {
  const dataPlane = parts.use(createDataPlane({ clock, random, log }));
  const link = parts.use(
    new ControlLink({
      socketPath: join(dir, "routes.sock"),
      file: join(dir, "routes"),
      session: "session",
      id,
      dataPlane,
      clock,
      log,
    }),
  );
  await link.start();
  const forwarder = parts.use(createForwarder({ socketPath: join(dir, "control.sock"), clock, random, log }));
  const { accessKeyId, secretAccessKey } = KEYS;
  const principal = { accessKeyId, accountId: ACCOUNT.accountId, arn: "arn:root", userId: "root" };
  const gateway = parts.use(
    createGateway({
      dataPlane,
      dispatcher: forwarder,
      credentials: { find: (key) => (key === accessKeyId ? { secretAccessKey, principal } : undefined) },
      clock,
      random,
      log,
      account: ACCOUNT,
      allowedHosts: [],
    }),
  );
  const listener = parts.use(
    createListener((message, reply) => gateway.handle(message, reply), { clock, plain: gateway }),
  );
  return (await listener.listen(0, "127.0.0.1")).port;
}

/** Control, as its process has it; it dies without a word to its clients. */
async function startControl(dir: string): Promise<{ hub: GatewayHub; kill(): Promise<void> }> {
  const hub = await GatewayHub.open({
    socketPath: join(dir, "routes.sock"),
    file: join(dir, "routes"),
    session: "session",
    clock,
    log,
  });
  hub.alive(["one", "two"]);
  const listener = createListener(async ({ url }, reply) => void reply.end(url), {
    clock,
    limits: FORWARDED_LIMITS,
  });
  await listener.listenOn({ path: join(dir, "control.sock") });
  const kill = async () => {
    listener.server.closeAllConnections();
    await Promise.all([listener[Symbol.asyncDispose](), hub[Symbol.asyncDispose]()]);
  };
  return { hub, kill };
}

test("F01: 25 deaths of control, a new fleet after each, two gateways: no invocation fails", async () => {
  const dir = await mkdtemp(join(tmpdir(), "tideway-control-"));
  await using parts = new AsyncDisposableStack();
  parts.defer(() => rm(dir, { recursive: true, force: true }));
  let control = await startControl(dir);
  parts.defer(() => control.kill());
  const ports = [await startGateway(dir, "one", parts), await startGateway(dir, "two", parts)];
  let instance = await httpInstance(echo);
  parts.defer(() => instance.kill());
  const route = (fleet: number) => endpoint([variant([instance.route], { fleet: `fleet-${fleet}` })]);
  await control.hub.publish("Iris", route(0));

  const stopping = new AbortController();
  const counts = { answered: 0, forwarded: 0 };
  const failures: string[] = [];
  const failed = (error: Error) => void failures.push(`${error.name}: ${error.message}`);
  const invoking = ports.flatMap((port) => {
    const client = new SageMakerRuntimeClient({
      endpoint: `http://127.0.0.1:${port}`,
      region: ACCOUNT.region,
      credentials: KEYS,
      maxAttempts: 1,
    });
    parts.defer(() => client.destroy());
    return Array.from({ length: 4 }, async () => {
      while (!stopping.signal.aborted)
        await client.send(new InvokeEndpointCommand({ EndpointName: "Iris", Body: "1,2" })).then(() => {
          counts.answered++;
        }, failed);
    });
  });
  const asking = ports.map(async (port) => {
    while (!stopping.signal.aborted)
      await fetch(`http://127.0.0.1:${port}/_tideway/health`).then(async (answer) => {
        if ((await answer.text()) === "/_tideway/health") counts.forwarded++;
        else failures.push(`forwarded: ${answer.status}`);
      }, failed);
  });
  for (let restart = 1; restart <= RESTARTS; restart++) {
    await control.kill();
    // without control, too, requests go on
    const before = counts.answered;
    await expect.poll(() => counts.answered - before).toBeGreaterThan(5);
    control = await startControl(dir);
    const old = instance;
    instance = await httpInstance(echo);
    await control.hub.publish("Iris", route(restart));
    expect(await control.hub.drained(`fleet-${restart - 1}`, 10_000)).toBe(0);
    await old.kill();
  }
  stopping.abort();
  await Promise.all([...invoking, ...asking]);
  console.log(`${RESTARTS} restarts of control: ${JSON.stringify(counts)}, ${failures.length} failed`);
  expect(failures).toEqual([]);
  expect(counts.answered).toBeGreaterThan(5 * RESTARTS);
  expect(counts.forwarded).toBeGreaterThan(RESTARTS);
});
