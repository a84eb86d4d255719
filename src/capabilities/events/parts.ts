import type { Account } from "../../base/arn.ts";
import type { Clock } from "../../base/clock.ts";
import type { Random } from "../../base/random.ts";
import type { Kind, Resource } from "../../state/resource.ts";
import { AlreadyExists, Conflict, type ResourceStore } from "../../state/store.ts";
import type { EventBus } from "./event-bus.ts";
import { changedMeanwhile, EventsError, notFound } from "./faults.ts";

/** What the operations of EventBridge work on. */
export interface EventsParts {
  readonly account: Account;
  readonly store: ResourceStore;
  readonly bus: EventBus;
  readonly clock: Clock;
  readonly random: Random;
}

/** Only the bus that is always there. */
export function checkBus(name: string | undefined, { accountId, region }: EventsParts["account"]): void {
  const arn = `arn:aws:events:${region}:${accountId}:event-bus/default`;
  if (name !== undefined && name !== "default" && name !== arn)
    throw notFound(`Event bus ${name} does not exist.`);
}

/** Throws what EventBridge says where two write one thing at once, or the name is taken. */
export async function written<Result>(name: string, write: Promise<Result>): Promise<Result> {
  try {
    return await write;
  } catch (error) {
    if (error instanceof Conflict) throw changedMeanwhile(name);
    if (error instanceof AlreadyExists)
      throw new EventsError("ResourceAlreadyExistsException", `Resource ${name} already exists.`);
    throw error;
  }
}

/** One page of the resources of a kind, in the order of their names. */
export async function pageOf<Spec, Status extends { readonly state: string }>(
  store: ResourceStore,
  kind: Kind<Spec, Status>,
  query: {
    readonly NamePrefix?: string | undefined;
    readonly NextToken?: string | undefined;
    readonly Limit?: number | undefined;
  },
  fits: (one: Resource<Spec, Status>) => boolean = () => true,
): Promise<{ items: Resource<Spec, Status>[]; NextToken?: string }> {
  const { NamePrefix = "", NextToken, Limit = 100 } = query;
  const after = NextToken === undefined ? "" : Buffer.from(NextToken, "base64url").toString();
  const items: Resource<Spec, Status>[] = [];
  for (const name of (await store.names(kind)).toSorted()) {
    if (name <= after || !name.startsWith(NamePrefix)) continue;
    const one = await store.get(kind, name);
    if (!one || !fits(one)) continue;
    if (items.length === Limit)
      return { items, NextToken: Buffer.from(items.at(-1)?.name ?? "").toString("base64url") };
    items.push(one);
  }
  return { items };
}
