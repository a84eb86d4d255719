/** Amazon EventBridge on this machine: rules on what happens here and on what is put, and their targets. */
import type * as sdk from "@aws-sdk/client-eventbridge";
import type { Account } from "../../base/arn.ts";
import { Controller } from "../../state/controller.ts";
import type { Context } from "../../wire/context.ts";
import type { Handlers } from "../../wire/service.ts";
import { EventBus, type EventBusOptions } from "./event-bus.ts";
import { isTold, stateChangeEvent } from "./state-changes.ts";

export interface EventsOptions extends EventBusOptions {
  readonly account: Account;
}

export interface Events extends AsyncDisposable {
  /** What answers for EventBridge. */
  handlers(): Promise<Handlers<typeof sdk, Context>>;
}

/** State changes that are read at once. */
const AT_ONCE = 100;

/** Follows the state changes of the store from where an earlier process ended, and takes up its deliveries. */
export async function openEvents(options: EventsOptions): Promise<Events> {
  await using parts = new AsyncDisposableStack();
  const { account, store, clock, random } = options;
  const bus = parts.use(new EventBus(options));
  // what happened before there could be a rule is nobody's concern
  if (bus.followed() === undefined) await bus.accept([], await store.newestEvent());
  bus.start();

  async function follow() {
    const changes = await store.eventsAfter(bus.followed() ?? 0, AT_ONCE);
    const last = changes.at(-1);
    if (!last) return "done" as const;
    const events = await Promise.all(changes.map((change) => stateChangeEvent(account, store, change)));
    await bus.accept(
      events.filter((event) => event !== undefined),
      last.position,
    );
    return { afterMs: 0 };
  }

  const follower = parts.use(new Controller("events", follow, options));
  parts.defer(store.watch(({ kind }) => isTold(kind) && follower.enqueue("bus")));
  follower.enqueue("bus");
  const owned = parts.move();
  return {
    handlers: async () =>
      (await import("./operations.ts")).eventsOperations({ account, store, bus, clock, random }),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
