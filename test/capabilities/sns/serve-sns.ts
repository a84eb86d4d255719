/** SNS and SQS behind the real dispatcher and listener, and subscribers that do what a test wants. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type AddressInfo } from "node:net";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as sns from "@aws-sdk/client-sns";
import * as sqs from "@aws-sdk/client-sqs";
import { type Clock, systemClock } from "../../../src/base/clock.ts";
import { silentLog } from "../../../src/base/log.ts";
import { systemRandom } from "../../../src/base/random.ts";
import { SNS_PATH } from "../../../src/capabilities/sns/envelope.ts";
import { createSns } from "../../../src/capabilities/sns/sns.ts";
import { sqsHandlers } from "../../../src/capabilities/sqs/operations.ts";
import { QueueQuery } from "../../../src/capabilities/sqs/queue-url.ts";
import { Queues } from "../../../src/capabilities/sqs/queues.ts";
import { openSqliteStore } from "../../../src/state/sqlite/sqlite-store.ts";
import { AwsQuery } from "../../../src/wire/query.ts";
import { AwsJson } from "../../../src/wire/rpc.ts";
import { mount } from "../../../src/wire/server.ts";
import { ACCOUNT, serveMounts } from "../sts/serve-mounts.ts";

export const REGION = "us-east-1";

/** On a folder that outlives it when it is given. */
export async function serveSns(clock: Clock = systemClock, given?: string) {
  const folder = given ?? mkdtempSync(join(tmpdir(), "tideway-sns-"));
  const account = { accountId: ACCOUNT, region: REGION };
  const warnings: string[] = [];
  const log = { ...silentLog, warn: (message: string) => void warnings.push(message) };
  const ports = { clock, random: systemRandom, log, fatal: () => {} };
  const store = openSqliteStore(join(folder, "state.sqlite"), ports);
  const queues = await Queues.open({ ...ports, account, store, file: join(folder, "messages.sqlite") });
  const topics = await createSns({ ...ports, account, store, dataDir: folder, queues });
  const server = await serveMounts(
    () => [
      mount("sqs", [new AwsJson("1.0"), new QueueQuery()], async () => ({
        sdk: sqs,
        client: sqs.SQSClient,
        handlers: sqsHandlers(queues, store),
      })),
      mount("sns", [new AwsQuery()], async () => ({
        sdk: sns,
        client: sns.SNSClient,
        handlers: topics.handlers,
      })),
    ],
    systemClock,
    (message, reply) => (message.url?.startsWith(SNS_PATH) ? topics.handle(message, reply) : undefined),
  );
  return {
    folder,
    topics,
    warnings,
    url: server.client.endpoint,
    sns: new sns.SNSClient(server.client),
    sqs: new sqs.SQSClient(server.client),
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await topics[Symbol.asyncDispose]();
      await queues[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
      if (!given) rmSync(folder, { recursive: true });
    },
  };
}

/** One request that a subscriber got. */
export interface Received {
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

/** A web server that keeps what it gets, and answers as it is told to. */
export async function subscriber(
  answer: (reply: ServerResponse, request: Received, count: number) => void = (reply) => reply.end(),
  port = 0,
) {
  const received: Received[] = [];
  let told: (() => void)[] = [];
  const server = createServer((message, reply) => {
    let body = "";
    message.on("data", (chunk) => (body += String(chunk)));
    message.on("end", () => {
      const request = { headers: message.headers, body };
      received.push(request);
      answer(reply, request, received.length);
      for (const tell of told) tell();
      told = [];
    });
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    received,
    /** Nobody answers any more. */
    async close(): Promise<void> {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
    /** Resolves once so many requests have come. */
    async got(count: number): Promise<void> {
      while (received.length < count) await new Promise<void>((resolve) => told.push(resolve));
    },
    async [Symbol.asyncDispose]() {
      if (server.listening) await this.close();
    },
  };
}
