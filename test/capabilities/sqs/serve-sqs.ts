/** SQS behind the real dispatcher and listener, in a data folder of its own. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as sqs from "@aws-sdk/client-sqs";
import { type Clock, systemClock } from "../../../src/base/clock.ts";
import { silentLog } from "../../../src/base/log.ts";
import { systemRandom } from "../../../src/base/random.ts";
import { sqsHandlers } from "../../../src/capabilities/sqs/operations.ts";
import { QueueQuery } from "../../../src/capabilities/sqs/queue-url.ts";
import { Queues } from "../../../src/capabilities/sqs/queues.ts";
import { openSqliteStore } from "../../../src/state/sqlite/sqlite-store.ts";
import { AwsJson } from "../../../src/wire/rpc.ts";
import { mount } from "../../../src/wire/server.ts";
import { ACCOUNT, serveMounts } from "../sts/serve-mounts.ts";

export const REGION = "us-east-1";

export async function serveSqs(clock: Clock = systemClock) {
  const folder = mkdtempSync(join(tmpdir(), "tideway-sqs-"));
  const account = { accountId: ACCOUNT, region: REGION };
  const ports = { clock, random: systemRandom, log: silentLog, fatal: () => {} };
  const store = openSqliteStore(join(folder, "state.sqlite"), ports);
  const queues = await Queues.open({ ...ports, account, store, file: join(folder, "messages.sqlite") });
  const server = await serveMounts(() => [
    mount("sqs", [new AwsJson("1.0"), new QueueQuery()], async () => ({
      sdk: sqs,
      client: sqs.SQSClient,
      handlers: sqsHandlers(queues, store),
    })),
  ]);
  return {
    queues,
    store,
    server,
    sqs: new sqs.SQSClient(server.client),
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await queues[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true });
    },
  };
}
