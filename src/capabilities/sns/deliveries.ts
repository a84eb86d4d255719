/** Brings what was published to its subscribers, again and again until it is there or nobody hopes any more. */
import type { Log } from "../../base/log.ts";
import type { GroupCommit } from "../../base/sqlite/group-commit.ts";
import type { ResourceStore } from "../../state/store.ts";
import type { Delivery, DeliveryTable } from "./delivery-table.ts";
import { SUBSCRIPTION, TOPIC } from "./kinds.ts";
import type { StoredMessage } from "./message.ts";
import type { Attempt } from "./post.ts";
import { HTTP_RETRIES, parseDeliveryPolicy, QUEUE_RETRIES, retryDelayMs } from "./retry-policy.ts";
import { payload, type Subscription, transport, type TransportPorts } from "./transports.ts";

/** To one subscriber, so that a slow one takes no more than this. */
const MOST_AT_ONCE = 4;
/** To all of them. */
const MOST_OVER_ALL = 64;
/** After an error of our own: a full disk, say. */
const RETRY_MS = 5_000;

export interface DeliveriesPorts extends TransportPorts {
  readonly table: DeliveryTable;
  readonly group: GroupCommit;
  readonly store: ResourceStore;
  readonly log: Log;
}

interface Lane {
  readonly underWay: Set<number>;
  cancelTimer: () => void;
}

export class Deliveries implements AsyncDisposable {
  readonly #ports: DeliveriesPorts;
  readonly #lanes = new Map<string, Lane>();
  /** Lanes that wait until others have ended something. */
  readonly #starved = new Set<string>();
  readonly #running = new Set<Promise<void>>();
  readonly #stopping = new AbortController();

  constructor(ports: DeliveriesPorts) {
    this.#ports = ports;
  }

  /** Takes up what an earlier process left. */
  start(): void {
    for (const subscription of this.#ports.table.subscriptions()) this.#pump(subscription);
  }

  /** Resolves once the message can not be lost any more. */
  async add(message: StoredMessage, subscriptions: readonly string[]): Promise<void> {
    const { group, table, clock } = this.#ports;
    await group.write(() => table.add(message, subscriptions, clock.now()));
    for (const subscription of subscriptions) this.#pump(subscription);
  }

  /** The subscription is gone. */
  async forget(subscription: string): Promise<void> {
    await this.#ports.group.write(() => this.#ports.table.removeAll(subscription));
  }

  /** Ends attempts under way: they are made again at the next start. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort(new Error("The server is stopping."));
    for (const { cancelTimer } of this.#lanes.values()) cancelTimer();
    await Promise.all(this.#running);
  }

  /** Begins what is due for one subscriber, as far as the bounds allow, and sets a timer for what is due later. */
  #pump(subscription: string): void {
    if (this.#stopping.signal.aborted) return;
    const { table, clock } = this.#ports;
    const lane = this.#lanes.get(subscription) ?? { underWay: new Set(), cancelTimer: () => {} };
    this.#lanes.set(subscription, lane);
    lane.cancelTimer();
    while (lane.underWay.size < MOST_AT_ONCE) {
      if (this.#running.size >= MOST_OVER_ALL) {
        this.#starved.add(subscription);
        return;
      }
      const next = table.next(subscription, [...lane.underWay]);
      if (!next) break;
      const waitMs = next.dueAt - clock.now();
      if (waitMs > 0) {
        lane.cancelTimer = clock.after(waitMs, () => this.#pump(subscription));
        return;
      }
      this.#begin(next, lane);
    }
    if (lane.underWay.size === 0) this.#lanes.delete(subscription);
  }

  #begin(delivery: Delivery, lane: Lane): void {
    lane.underWay.add(delivery.id);
    const running = this.#deliver(delivery)
      .catch((error: unknown) => this.#postpone(delivery, error))
      .finally(() => {
        lane.underWay.delete(delivery.id);
        this.#running.delete(running);
        this.#pump(delivery.subscription);
        const waiting = [...this.#starved];
        this.#starved.clear();
        for (const name of waiting) this.#pump(name);
      });
    this.#running.add(running);
  }

  async #deliver(delivery: Delivery): Promise<void> {
    const { store, table, group, clock } = this.#ports;
    const subscription = await store.get(SUBSCRIPTION, delivery.subscription);
    // whoever unsubscribed wants nothing more
    if (!subscription) return group.write(() => table.remove(delivery.id));
    const version = await this.#signatureVersion(delivery.message.topicArn);
    const { signal } = this.#stopping;
    const attempt = await transport(subscription, delivery.message, version, this.#ports, signal);
    if (attempt.kind !== "delivered") {
      const failures = delivery.failures + 1;
      const delayMs = attempt.kind === "failed" ? retryDelayMs(policyOf(subscription), failures) : undefined;
      if (delayMs !== undefined)
        return group.write(() => table.postpone(delivery.id, failures, clock.now() + delayMs));
      await this.#giveUp(subscription, delivery, attempt, version);
    }
    await group.write(() => table.remove(delivery.id));
  }

  /** To the dead letter queue, or nowhere. */
  async #giveUp(
    subscription: Subscription,
    { message, failures }: Delivery,
    attempt: Exclude<Attempt, { kind: "delivered" }>,
    version: "1" | "2",
  ): Promise<void> {
    const { queues, signer, log } = this.#ports;
    const { messageId } = message;
    const facts = {
      subscription: subscription.arn,
      messageId,
      attempts: failures + 1,
      reason: attempt.reason,
    };
    const target = deadLetterQueue(subscription);
    if (target === undefined || message.type !== "Notification")
      return log.warn("A notification could not be delivered, and is dropped.", facts);
    const body = await payload(subscription, message, version, signer);
    const problem = await queues.offer(target, body, {
      RequestID: { type: "String", text: messageId },
      ErrorCode: { type: "String", text: String(attempt.status ?? "ConnectionError") },
      ErrorMessage: { type: "String", text: attempt.reason },
    });
    if (problem === undefined)
      log.info("A notification went to its dead letter queue.", { ...facts, target });
    else
      log.error("A notification could not go to its dead letter queue, and is dropped.", {
        ...facts,
        target,
        problem,
      });
  }

  /** Not the subscriber's fault: it does not count as an attempt. */
  async #postpone({ id, failures, subscription }: Delivery, error: unknown): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    const { group, table, clock, log } = this.#ports;
    log.error("A notification could not be handled; it is tried again.", { subscription, error });
    await group
      .write(() => table.postpone(id, failures, clock.now() + RETRY_MS))
      .catch(() => {
        // nothing can be written: wait for better times, or the lane would spin
        return new Promise<void>((resolve) => {
          const cancel = clock.after(RETRY_MS, resolve);
          this.#stopping.signal.addEventListener("abort", () => (cancel(), resolve()), { once: true });
        });
      });
  }

  async #signatureVersion(topicArn: string): Promise<"1" | "2"> {
    const topic = await this.#ports.store.get(TOPIC, topicArn.slice(topicArn.lastIndexOf(":") + 1));
    return topic?.spec.attributes.SignatureVersion === "2" ? "2" : "1";
  }
}

function policyOf({ spec: { protocol, attributes } }: Subscription) {
  if (protocol === "sqs") return QUEUE_RETRIES;
  return attributes.DeliveryPolicy ? parseDeliveryPolicy(attributes.DeliveryPolicy) : HTTP_RETRIES;
}

function deadLetterQueue({ spec }: Subscription): string | undefined {
  const policy = spec.attributes.RedrivePolicy;
  return policy ? (JSON.parse(policy) as { deadLetterTargetArn: string }).deadLetterTargetArn : undefined;
}
