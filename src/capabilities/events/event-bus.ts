/** The default bus: which targets an event goes to is decided at once and kept; it is brought there until it is. */
import type { Target } from "@aws-sdk/client-eventbridge";
import { join } from "node:path";
import { DeliveryLanes } from "../../base/deliveries/delivery-lanes.ts";
import { type Delivery, DELIVERY_MIGRATIONS, DeliveryTable } from "../../base/deliveries/delivery-table.ts";
import { matchesPattern } from "../../base/json-pattern.ts";
import type { Log } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import { Database } from "../../base/sqlite/database.ts";
import { GroupCommit } from "../../base/sqlite/group-commit.ts";
import type { Attempt } from "../../base/webhook.ts";
import type { BusEvent } from "./bus-event.ts";
import { callTarget, type TargetPorts } from "./call-target.ts";
import { readPattern } from "./event-pattern.ts";
import { type Rule, RULE } from "./kinds.ts";
import { Pace } from "./pace.ts";
import { type RetryDecision, retryAfter } from "./retry.ts";
import { InputTooLong, inputFor } from "./target-input.ts";

export interface EventBusOptions extends Omit<TargetPorts, "pace"> {
  /** Where deliveries are kept, and how far the state changes of this server were followed. */
  readonly dataDir: string;
  readonly random: Random;
  readonly log: Log;
  readonly fatal: (error: Error) => void;
}

/** An event on its way to a target; the lane says which. */
interface Waiting {
  readonly event: BusEvent;
  readonly ingestedAt: number;
}

const MIGRATIONS = [
  ...DELIVERY_MIGRATIONS,
  "CREATE TABLE followed (one INTEGER PRIMARY KEY CHECK (one = 1), position INTEGER NOT NULL) STRICT;",
];

/** For one target. */
const MOST_WAITING = 10_000;

/** Rules' names have no spaces. */
const laneOf = (rule: string, target: string) => `${rule} ${target}`;

export class EventBus implements AsyncDisposable {
  readonly #options: EventBusOptions;
  readonly #database: Database;
  readonly #group: GroupCommit;
  readonly #table: DeliveryTable<Waiting>;
  readonly #lanes: DeliveryLanes<Waiting>;
  readonly #ports: TargetPorts;

  constructor(options: EventBusOptions) {
    const { dataDir, fatal, clock, log } = options;
    this.#options = options;
    this.#ports = { ...options, pace: new Pace(clock) };
    this.#database = new Database(join(dataDir, "events.sqlite"), { migrations: MIGRATIONS, fatal });
    this.#group = new GroupCommit(this.#database);
    this.#table = new DeliveryTable(this.#database);
    const ports = { table: this.#table, group: this.#group, clock, log };
    this.#lanes = new DeliveryLanes(ports, (delivery, signal) => this.#deliver(delivery, signal));
  }

  /** Takes up what an earlier process left. */
  start(): void {
    this.#lanes.start();
  }

  /** How far the state changes were followed; undefined before they ever were. */
  followed(): number | undefined {
    return (this.#database.one("SELECT position FROM followed") as { position: number } | undefined)
      ?.position;
  }

  /**
   * Resolves once the events can not be lost any more, in one write with how far was followed. False where so much
   * waits for a target already that an event was dropped for it.
   */
  async accept(events: readonly BusEvent[], followed?: number): Promise<boolean> {
    const { store, clock, log } = this.#options;
    const rules: Rule[] = [];
    for (const name of events.length ? await store.names(RULE) : []) {
      const rule = await store.get(RULE, name);
      if (rule?.spec.enabled && rule.spec.targets.length) rules.push(rule);
    }
    const patterns = rules.map(({ name, spec }) => ({
      pattern: readPattern(spec.pattern),
      lanes: spec.targets.map(({ Id = "" }) => laneOf(name, Id)),
    }));
    const routed = events.map((event) => ({
      event,
      lanes: patterns.flatMap(({ pattern, lanes }) => (matchesPattern(pattern, event) ? lanes : [])),
    }));
    const now = clock.now();
    const full = await this.#group.write(() => {
      const full = new Set<string>();
      for (const { event, lanes } of routed) {
        const free = lanes.filter((lane) => !this.#table.exceeds(lane, MOST_WAITING));
        for (const lane of lanes) if (!free.includes(lane)) full.add(lane);
        this.#table.add({ event, ingestedAt: now }, free, now);
      }
      if (followed !== undefined)
        this.#database.run("INSERT OR REPLACE INTO followed (one, position) VALUES (1, ?)", followed);
      return full;
    });
    for (const lane of full) log.error("Events are dropped: too many wait for a target.", { target: lane });
    this.#lanes.wake(new Set(routed.flatMap(({ lanes }) => lanes)));
    return full.size === 0;
  }

  /** The target is gone. */
  forget(rule: string, target: string): Promise<void> {
    return this.#lanes.forget(laneOf(rule, target));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#lanes[Symbol.asyncDispose]();
    // what was asked for before is still written
    await this.#group.write(() => {});
    this.#database[Symbol.dispose]();
  }

  async #deliver(
    { lane, message, failures }: Delivery<Waiting>,
    signal: AbortSignal,
  ): Promise<{ readonly retryMs: number } | undefined> {
    const { store, clock, random } = this.#options;
    const [ruleName = "", targetId] = lane.split(" ");
    const rule = await store.get(RULE, ruleName);
    const target = rule?.spec.targets.find(({ Id }) => Id === targetId);
    // whoever removed the target wants nothing more
    if (!rule || !target) return undefined;
    const attempt = await this.#attempt(rule, target, message, signal);
    if (attempt.kind === "delivered") return undefined;
    const age = clock.now() - message.ingestedAt;
    const decision =
      attempt.kind === "failed"
        ? retryAfter(target.RetryPolicy, failures + 1, age, random.number())
        : undefined;
    if (decision && "retryMs" in decision) return decision;
    await this.#giveUp(rule, target, message.event, failures, attempt, decision);
    return undefined;
  }

  async #attempt(
    rule: Rule,
    target: Target,
    { event, ingestedAt }: Waiting,
    signal: AbortSignal,
  ): Promise<Attempt> {
    try {
      const input = inputFor(target, event, { ruleArn: rule.arn, ruleName: rule.name, ingestedAt });
      return await callTarget(this.#ports, target, input, signal);
    } catch (error) {
      if (error instanceof InputTooLong) return { kind: "refused", reason: error.message };
      throw error;
    }
  }

  /** To the dead letter queue, or nowhere. https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html */
  async #giveUp(
    rule: Rule,
    target: Target,
    event: BusEvent,
    failures: number,
    attempt: Exclude<Attempt, { kind: "delivered" }>,
    decision: Exclude<RetryDecision, { retryMs: number }> | undefined,
  ): Promise<void> {
    const { queues, log } = this.#options;
    const facts = { rule: rule.name, target: target.Arn, event: event.id, reason: attempt.reason };
    const queue = target.DeadLetterConfig?.Arn;
    if (queue === undefined) return log.warn("An event could not be delivered, and is dropped.", facts);
    const text = (value: string) => ({ type: "String", text: value });
    const problem = await queues.offer(queue, JSON.stringify(event), {
      RULE_ARN: text(rule.arn),
      TARGET_ARN: text(target.Arn ?? ""),
      ERROR_CODE: text(
        attempt.kind === "refused" && attempt.status === undefined ? "NO_RESOURCE" : "SDK_CLIENT_ERROR",
      ),
      ERROR_MESSAGE: text(attempt.reason),
      RETRY_ATTEMPTS: { type: "Number", text: String(failures) },
      ...(decision && { EXHAUSTED_RETRY_CONDITION: text(decision.exhausted) }),
    });
    if (problem === undefined) log.info("An event went to its dead letter queue.", { ...facts, queue });
    else
      log.error("An event could not go to its dead letter queue, and is dropped.", {
        ...facts,
        queue,
        problem,
      });
  }
}
