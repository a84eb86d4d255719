/** A gateway behind a real listener, with a data plane of its own. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { SageMakerRuntimeClient } from "@aws-sdk/client-sagemaker-runtime";
import { type Clock, systemClock } from "../../src/base/clock.ts";
import type { Log } from "../../src/base/log.ts";
import { systemRandom } from "../../src/base/random.ts";
import { createDataPlane, type DataPlaneOptions } from "../../src/dataplane/create-data-plane.ts";
import type { DataPlane } from "../../src/dataplane/data-plane.ts";
import { createGateway } from "../../src/gateway/gateway.ts";
import { createListener } from "../../src/wire/listener.ts";

export const KEYS = { accessKeyId: "AKIATEST", secretAccessKey: "secret/of+the=test" };
export const ACCOUNT = { region: "us-east-1", accountId: "123456789012" };

export interface TestGateway extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly dataPlane: DataPlane;
  readonly client: SageMakerRuntimeClient;
  /** Paths that went to the dispatcher. */
  readonly dispatched: string[];
  /** What was logged as an error: bugs, that is. */
  readonly errors: unknown[];
  /** Instances that failed, and how. */
  readonly failures: string[];
}

export async function startTestGateway(
  options: {
    readonly clock?: Clock;
    readonly limits?: DataPlaneOptions["limits"];
    /** The gateway's, where the data plane's is another. */
    readonly gatewayClock?: Clock;
    readonly bodyTimeoutMs?: number;
    /** Whether invocations that came whole go past node:http, as they do unless said otherwise. */
    readonly plain?: boolean;
  } = {},
): Promise<TestGateway> {
  const { clock = systemClock, limits = {}, gatewayClock = systemClock, bodyTimeoutMs = 65_000 } = options;
  const { plain = true } = options;
  const errors: unknown[] = [];
  const failures: string[] = [];
  const dispatched: string[] = [];
  const log: Log = { info() {}, warn() {}, error: (message, facts) => void errors.push(message, facts) };
  const dataPlane = createDataPlane({
    clock,
    random: systemRandom,
    log,
    limits,
    onInstanceFailure: (id, failure) => void failures.push(`${id} ${failure}`),
  });
  const principal = {
    accessKeyId: KEYS.accessKeyId,
    accountId: ACCOUNT.accountId,
    arn: "arn:root",
    userId: "root",
  };
  const gateway = createGateway({
    bodyTimeoutMs,
    dataPlane,
    dispatcher: {
      async handle(message: IncomingMessage, reply: ServerResponse) {
        dispatched.push(`${message.method} ${message.url}`);
        message.resume();
        reply.writeHead(418).end();
      },
    },
    credentials: {
      find: (id) =>
        id === KEYS.accessKeyId ? { secretAccessKey: KEYS.secretAccessKey, principal } : undefined,
    },
    clock: gatewayClock,
    random: systemRandom,
    log,
    account: ACCOUNT,
    allowedHosts: [],
  });
  const listener = createListener((message, reply) => gateway.handle(message, reply), {
    clock: systemClock,
    plain: plain ? gateway : undefined,
  });
  const { port } = await listener.listen(0, "127.0.0.1");
  const url = `http://127.0.0.1:${port}`;
  const client = new SageMakerRuntimeClient({
    region: ACCOUNT.region,
    endpoint: url,
    credentials: KEYS,
    maxAttempts: 1,
  });
  return {
    url,
    port,
    dataPlane,
    client,
    dispatched,
    errors,
    failures,
    async [Symbol.asyncDispose]() {
      client.destroy();
      await listener[Symbol.asyncDispose]();
      gateway[Symbol.dispose]();
      await dataPlane[Symbol.asyncDispose]();
    },
  };
}
