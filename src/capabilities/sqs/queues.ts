/** Queues and what happens to their messages. A promise resolves once what it tells of is on the disk. */
import type { Account } from "../../base/arn.ts";
import type { Clock } from "../../base/clock.ts";
import type { Log } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import { Database } from "../../base/sqlite/database.ts";
import { GroupCommit } from "../../base/sqlite/group-commit.ts";
import type { ResourceStore } from "../../state/store.ts";
import { Fault } from "../../wire/http.ts";
import { parseRedrive } from "./attributes.ts";
import { checkDraft, type Draft } from "./draft.ts";
import { SqsError } from "./faults.ts";
import { QUEUE } from "./kinds.ts";
import { MOST_ATTRIBUTES, type StoredAttributes } from "./message-attributes.ts";
import {
  type Counts,
  MESSAGE_MIGRATIONS,
  MessageTable,
  type NewMessage,
  type TakenMessage,
} from "./message-table.ts";
import { attributesOf, isFifo, nameOf, type Queue, QueueDefinitions } from "./queue-definitions.ts";
import { Waiters } from "./waiters.ts";

export interface QueuesOptions {
  readonly account: Account;
  readonly store: ResourceStore;
  /** Where the messages are kept. */
  readonly file: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly fatal: (error: Error) => void;
}

export interface Sent {
  readonly messageId: string;
  /** Of a FIFO queue. */
  readonly sequence: number | undefined;
}

export interface ReceiveOptions {
  readonly limit: number;
  readonly visibilitySeconds?: number | undefined;
  readonly waitSeconds?: number | undefined;
  /** Aborts when the receiver is gone. */
  readonly signal: AbortSignal;
}

/** What `changeVisibility` and `remove` are told which message is meant by. */
export interface Receipt {
  readonly id: number;
  readonly nonce: string;
}

const DEDUPLICATION_MS = 5 * 60_000;
const SWEEP_MS = 60_000;

export class Queues implements AsyncDisposable {
  readonly definitions: QueueDefinitions;
  readonly #options: QueuesOptions;
  readonly #database: Database;
  readonly #group: GroupCommit;
  readonly #table: MessageTable;
  readonly #waiters: Waiters;
  #cancelSweep = () => {};
  #closed = false;

  private constructor(options: QueuesOptions) {
    this.#options = options;
    this.definitions = new QueueDefinitions(options.store, options.account);
    this.#database = new Database(options.file, { migrations: MESSAGE_MIGRATIONS, fatal: options.fatal });
    this.#group = new GroupCommit(this.#database);
    this.#table = new MessageTable(this.#database);
    this.#waiters = new Waiters(options.clock);
  }

  /** Opens the messages; those of queues that are gone are removed. */
  static async open(options: QueuesOptions): Promise<Queues> {
    const queues = new Queues(options);
    await queues.#removeOrphans();
    queues.#sweepLater();
    return queues;
  }

  async setAttributes(name: string, attributes: Readonly<Record<string, string>>): Promise<void> {
    const { uid } = await this.definitions.setAttributes(name, attributes);
    this.#waiters.wake(uid);
  }

  async delete(name: string): Promise<void> {
    const queue = await this.definitions.remove(name);
    await this.#group.write(() => this.#table.purge(queue.uid));
    this.#waiters.wake(queue.uid);
  }

  async purge(queue: Queue): Promise<void> {
    await this.#group.write(() => this.#table.purge(queue.uid));
  }

  count(queue: Queue): Counts {
    return this.#table.count(queue.uid, this.#options.clock.now(), seconds(queue, "MessageRetentionPeriod"));
  }

  /** Throws when the message is not one that the queue takes. */
  async send(queue: Queue, draft: Draft): Promise<Sent> {
    const { clock, random } = this.#options;
    const attributes = attributesOf(queue);
    const deduplicationId = checkDraft(draft, attributes, isFifo(queue));
    const now = clock.now();
    const message: NewMessage = {
      messageId: random.uuid(),
      body: draft.body,
      attributes: draft.attributes,
      system: {
        ...draft.system,
        ...(deduplicationId !== undefined && { MessageDeduplicationId: deduplicationId }),
      },
      groupId: draft.groupId,
      delayMs: (draft.delaySeconds ?? Number(attributes.DelaySeconds)) * 1000,
    };
    const sent = await this.#group.write(() => this.#add(queue.uid, message, deduplicationId, now));
    this.#waiters.wake(queue.uid);
    return { messageId: sent.messageId, sequence: isFifo(queue) ? sent.sequence : undefined };
  }

  /** For other services of this server: undefined once the message is in the queue for good, else why it never will be. */
  async offer(queueArn: string, body: string, attributes: StoredAttributes): Promise<string | undefined> {
    try {
      const queue = await this.definitions.get(nameOf(queueArn));
      if (Object.keys(attributes).length > MOST_ATTRIBUTES)
        return `it has more than ${MOST_ATTRIBUTES} attributes`;
      await this.send(queue, { body, attributes, system: { SenderId: this.definitions.accountId } });
      return undefined;
    } catch (error) {
      if (error instanceof SqsError || error instanceof Fault) return error.message;
      throw error;
    }
  }

  #add(uid: string, message: NewMessage, deduplicationId: string | undefined, now: number) {
    const before =
      deduplicationId === undefined ? undefined : this.#table.sentBefore(uid, deduplicationId, now);
    if (before) return before;
    const sequence = this.#table.add(uid, message, now);
    const { messageId } = message;
    if (deduplicationId !== undefined)
      this.#table.remember(uid, deduplicationId, messageId, sequence, now + DEDUPLICATION_MS);
    return { messageId, sequence };
  }

  /** Waits for a first message, as long as the queue or the receiver says. */
  async receive(name: string, options: ReceiveOptions): Promise<TakenMessage[]> {
    const { clock } = this.#options;
    const begun = clock.monotonic();
    for (;;) {
      const queue = await this.definitions.get(name);
      if (options.signal.aborted || this.#closed) return [];
      const waitMs =
        options.waitSeconds === undefined
          ? seconds(queue, "ReceiveMessageWaitTimeSeconds")
          : options.waitSeconds * 1000;
      const changed = this.#waiters.watch(queue.uid);
      try {
        const taken = await this.#take(queue, options);
        const leftMs = begun + waitMs - clock.monotonic();
        if (taken.length || leftMs <= 0 || this.#waiters.ended) return taken;
        const now = clock.now();
        const next = this.#table.nextVisible(queue.uid, now);
        await changed.within(Math.min(leftMs, next === undefined ? Infinity : next - now), options.signal);
      } finally {
        changed[Symbol.dispose]();
      }
    }
  }

  async #take(queue: Queue, { limit, visibilitySeconds }: ReceiveOptions): Promise<TakenMessage[]> {
    const { clock, random, store } = this.#options;
    const attributes = attributesOf(queue);
    const policy = parseRedrive(attributes.RedrivePolicy ?? "");
    const target = policy && (await store.get(QUEUE, nameOf(policy.targetArn)));
    const { taken, moved } = await this.#group.write(() =>
      this.#table.take(queue.uid, {
        now: clock.now(),
        limit,
        visibilityMs: (visibilitySeconds ?? Number(attributes.VisibilityTimeout)) * 1000,
        retentionMs: seconds(queue, "MessageRetentionPeriod"),
        fifo: isFifo(queue),
        redrive: target && { queue: target.uid, maxReceives: policy.maxReceives, sourceArn: queue.arn },
        receipt: () => random.bytes(12).toString("base64url"),
      }),
    );
    if (target && moved) this.#waiters.wake(target.uid);
    return taken;
  }

  /** A receipt that is no longer the newest removes nothing, as in SQS. */
  async remove(queue: Queue, { id, nonce }: Receipt): Promise<void> {
    await this.#group.write(() => this.#table.remove(queue.uid, id, nonce));
    if (isFifo(queue)) this.#waiters.wake(queue.uid);
  }

  async changeVisibility(queue: Queue, { id, nonce }: Receipt, visibilitySeconds: number) {
    const now = this.#options.clock.now();
    const result = await this.#group.write(() =>
      this.#table.changeVisibility(queue.uid, id, nonce, now, now + visibilitySeconds * 1000),
    );
    this.#waiters.wake(queue.uid);
    return result;
  }

  /** From now on nobody waits for a message. */
  endWaits(): void {
    this.#waiters.end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#cancelSweep();
    this.#waiters.end();
    // what was asked for before is still written
    await this.#group.write(() => {});
    this.#database[Symbol.dispose]();
  }

  /** What a delete left that was cut short, and what was sent in the same moment. */
  async #removeOrphans(): Promise<void> {
    const known = new Set((await this.definitions.all()).map(({ uid }) => uid));
    await this.#group.write(() => {
      for (const uid of this.#table.queues()) if (!known.has(uid)) this.#table.purge(uid);
    });
  }

  /** Expired messages of queues that nobody receives from take room, too. */
  #sweepLater(): void {
    const { clock, log } = this.#options;
    this.#cancelSweep = clock.after(SWEEP_MS, () => {
      this.#sweepLater();
      this.#sweep().catch((error: unknown) => log.error("Expired messages could not be removed.", { error }));
    });
  }

  async #sweep(): Promise<void> {
    const queues = await this.definitions.all();
    const now = this.#options.clock.now();
    await this.#group.write(() => {
      this.#table.forget(now);
      for (const queue of queues)
        this.#table.expire(queue.uid, now - seconds(queue, "MessageRetentionPeriod"));
    });
  }
}

const seconds = (queue: Queue, name: string) => Number(attributesOf(queue)[name]) * 1000;
