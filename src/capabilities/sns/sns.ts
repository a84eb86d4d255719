/** Amazon SNS on this machine: topics, subscriptions, deliveries. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";
import type * as sdk from "@aws-sdk/client-sns";
import type { Account } from "../../base/arn.ts";
import type { Clock } from "../../base/clock.ts";
import type { Log } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import { DELIVERY_MIGRATIONS, DeliveryTable } from "../../base/deliveries/delivery-table.ts";
import { Database } from "../../base/sqlite/database.ts";
import { GroupCommit } from "../../base/sqlite/group-commit.ts";
import type { ResourceStore } from "../../state/store.ts";
import type { Context } from "../../wire/context.ts";
import type { Handlers } from "../../wire/service.ts";
import { snsDeliveries } from "./deliveries.ts";
import { SUBSCRIPTION, TOPIC } from "./kinds.ts";
import type { StoredMessage } from "./message.ts";
import { answerSubscriber } from "./pages.ts";
import type { SnsParts } from "./parts.ts";
import { publish, publishHandlers } from "./publishing.ts";
import { NotificationSigner } from "./signer.ts";
import { removeSubscriptions, subscriptionHandlers } from "./subscriptions.ts";
import { topicHandlers } from "./topics.ts";
import type { QueuePort } from "./transports.ts";

export interface SnsOptions {
  readonly account: Account;
  readonly store: ResourceStore;
  /** Where deliveries and the signing key are kept. */
  readonly dataDir: string;
  readonly queues: QueuePort;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly fatal: (error: Error) => void;
}

export interface Sns extends AsyncDisposable {
  /** The id of the message, once it can not be lost any more; rejects with SNS's errors. */
  publish(topicArn: string, message: string, subject?: string): Promise<string>;
  /** Answers subscribers: requests below SNS_PATH, which carry no signature. */
  handle(message: IncomingMessage, reply: ServerResponse): Promise<void>;
}

/** Takes up what an earlier process left to be delivered. */
export async function createSns(
  options: SnsOptions,
): Promise<Sns & { readonly handlers: Handlers<typeof sdk, Context> }> {
  const { store, clock, random, log, fatal, dataDir, queues, account } = options;
  const database = new Database(join(dataDir, "notifications.sqlite"), {
    migrations: DELIVERY_MIGRATIONS,
    fatal,
  });
  const group = new GroupCommit(database);
  const table = new DeliveryTable<StoredMessage>(database);
  const signer = new NotificationSigner(dataDir, { clock, random });
  const deliveries = snsDeliveries({ table, group, store, queues, signer, clock, log });
  const parts: SnsParts = { account, store, deliveries, clock, random };
  await removeOrphans(parts);
  deliveries.start();
  return {
    handlers: snsHandlers(parts),
    publish: (topicArn, message, subject) => publish(parts, topicArn, { message, subject }),
    handle: (message, reply) => answerSubscriber(message, reply, { ...parts, signer, log }),
    async [Symbol.asyncDispose]() {
      await deliveries[Symbol.asyncDispose]();
      // what was asked for before is still written
      await group.write(() => {});
      database[Symbol.dispose]();
    },
  };
}

/** What answers for SNS. */
export function snsHandlers(parts: SnsParts): Handlers<typeof sdk, Context> {
  return { ...topicHandlers(parts), ...subscriptionHandlers(parts), ...publishHandlers(parts) };
}

/** Subscriptions of a topic whose removal was cut short. */
async function removeOrphans(parts: SnsParts): Promise<void> {
  const { store } = parts;
  const topics = new Set<string | undefined>();
  for (const name of await store.names(TOPIC)) topics.add((await store.get(TOPIC, name))?.uid);
  for (const name of await store.names(SUBSCRIPTION)) {
    const owner = (await store.get(SUBSCRIPTION, name))?.owner;
    if (owner !== undefined && !topics.has(owner)) await removeSubscriptions(parts, owner);
  }
}
