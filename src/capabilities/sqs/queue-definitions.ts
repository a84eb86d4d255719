/** Which queues there are, and their attributes. */
import { type Account, arn } from "../../base/arn.ts";
import type { Resource } from "../../state/resource.ts";
import { AlreadyExists, Conflict, type ResourceStore } from "../../state/store.ts";
import { checkAttributes, parseRedrive, withDefaults } from "./attributes.ts";
import { invalidParameter, SqsError } from "./faults.ts";
import { QUEUE, type QueueSpec } from "./kinds.ts";

export type Queue = Resource<QueueSpec, { readonly state: "Active" }>;

export class QueueDefinitions {
  readonly #store: ResourceStore;
  readonly #account: Account;

  constructor(store: ResourceStore, account: Account) {
    this.#store = store;
    this.#account = account;
  }

  get accountId(): string {
    return this.#account.accountId;
  }

  arn(name: string): string {
    return arn(this.#account, "sqs", name);
  }

  names(): Promise<readonly string[]> {
    return this.#store.names(QUEUE);
  }

  /** Throws QueueDoesNotExist. */
  async get(name: string): Promise<Queue> {
    const queue = await this.#store.get(QUEUE, name);
    if (!queue) throw noSuchQueue();
    return queue;
  }

  /** The queue of that name, made when there is none; QueueNameExists when there is one with other attributes. */
  async create(
    name: string,
    attributes: Readonly<Record<string, string>>,
    tags: Readonly<Record<string, string>>,
  ): Promise<Queue> {
    const fifo = name.endsWith(".fifo");
    checkAttributes(attributes, fifo);
    if (fifo !== (attributes.FifoQueue === "true"))
      throw invalidParameter(
        "The name of a FIFO queue, and of no other, ends in .fifo, and its attribute FifoQueue is true.",
      );
    await this.#checkRedrive(name, attributes);
    const draft = {
      name,
      arn: this.arn(name),
      spec: { attributes },
      status: { state: "Active" },
      tags,
    } as const;
    try {
      return await this.#store.create(QUEUE, draft);
    } catch (error) {
      if (!(error instanceof AlreadyExists)) throw error;
    }
    const queue = await this.get(name);
    const has = withDefaults(queue.spec.attributes, fifo);
    const other = Object.keys(attributes).find((key) => (has[key] ?? "") !== attributes[key]);
    if (other === undefined) return queue;
    throw new SqsError(
      "QueueNameExists",
      `A queue already exists with the same name and a different value for attribute ${other}`,
    );
  }

  async setAttributes(name: string, attributes: Readonly<Record<string, string>>): Promise<Queue> {
    checkAttributes(attributes, name.endsWith(".fifo"));
    await this.#checkRedrive(name, attributes);
    for (;;) {
      const queue = await this.get(name);
      const spec = { attributes: { ...queue.spec.attributes, ...attributes } };
      try {
        return await this.#store.update(QUEUE, queue, { spec });
      } catch (error) {
        if (!(error instanceof Conflict)) throw error;
      }
    }
  }

  async remove(name: string): Promise<Queue> {
    for (;;) {
      const queue = await this.get(name);
      try {
        await this.#store.remove(QUEUE, queue);
        return queue;
      } catch (error) {
        if (!(error instanceof Conflict)) throw error;
      }
    }
  }

  /** The names of the queues whose dead letters this one takes. */
  async sourcesOf(target: Queue): Promise<string[]> {
    const queues = await this.all();
    return queues
      .filter(({ spec }) => parseRedrive(spec.attributes.RedrivePolicy ?? "")?.targetArn === target.arn)
      .map(({ name }) => name);
  }

  async all(): Promise<Queue[]> {
    const names = await this.names();
    const found = await Promise.all(names.map((name) => this.#store.get(QUEUE, name)));
    return found.filter((queue) => queue !== undefined);
  }

  async #checkRedrive(
    name: string,
    { RedrivePolicy: policy }: Readonly<Record<string, string>>,
  ): Promise<void> {
    const redrive = parseRedrive(policy ?? "");
    if (!redrive) return;
    const target = nameOf(redrive.targetArn);
    const wrong = (why: string) =>
      invalidParameter(`Value ${policy} for parameter RedrivePolicy is invalid. Reason: ${why}`);
    if (redrive.targetArn !== this.arn(target) || !(await this.#store.get(QUEUE, target)))
      throw wrong("Dead letter target does not exist.");
    if (target === name) throw wrong("A queue can not be its own dead letter queue.");
    if (target.endsWith(".fifo") !== name.endsWith(".fifo"))
      throw wrong(
        "The dead letter queue of a FIFO queue must be one, and that of a standard queue must not.",
      );
  }
}

/** Whether messages of a group are given out one after the other. */
export function isFifo(queue: Queue): boolean {
  return queue.name.endsWith(".fifo");
}

/** All attributes of a queue that are not computed. */
export function attributesOf(queue: Queue): Readonly<Record<string, string>> {
  return withDefaults(queue.spec.attributes, isFifo(queue));
}

/** The error of a queue that is not there. */
export function noSuchQueue(): SqsError {
  return new SqsError("QueueDoesNotExist", "The specified queue does not exist.");
}

/** The name of a queue in its ARN. */
export const nameOf = (queueArn: string) => queueArn.slice(queueArn.lastIndexOf(":") + 1);
