/**
 * A Describe operation may hold its answer while what it describes is in transition: the waiters of the SDKs sleep 30 s
 * or 60 s between looks, so an endpoint that is ready after 300 ms would be seen after 30 s.
 */
import type { Clock } from "../base/clock.ts";
import { keyOf, type Kind, type Resource } from "../state/resource.ts";
import type { ResourceStore } from "../state/store.ts";

export interface Hold {
  /** `rest`: until it is in no transition; `change`: until anything about it changes; `none`: not at all. */
  readonly until: "rest" | "change" | "none";
  readonly forMs: number;
  readonly signal: AbortSignal;
  /** The states of a transition. */
  readonly moving: ReadonlySet<string>;
}

/** What the caller asks for in `x-tideway-hold`: who shows progress wants each change, or the state of now. */
export function holdUntil({ "x-tideway-hold": asked }: Readonly<Record<string, string>>): Hold["until"] {
  return asked === "change" || asked === "none" ? asked : "rest";
}

/** The resource once what is waited for has happened, or as it is when the hold is over; undefined when it is gone. */
export async function held<Spec, Status extends { readonly state: string }>(
  store: ResourceStore,
  clock: Clock,
  kind: Kind<Spec, Status>,
  resource: Resource<Spec, Status>,
  { until, forMs, signal, moving }: Hold,
): Promise<Resource<Spec, Status> | undefined> {
  const moves = (one: Resource<Spec, Status> | undefined) =>
    one?.uid === resource.uid && moving.has(one.status.state);
  const deadline = clock.now() + forMs;
  let latest: Resource<Spec, Status> | undefined = resource;
  if (until === "none") return latest;
  while (moves(latest) && clock.now() < deadline && !signal.aborted) {
    const change = nextChange(store, clock, kind, resource.name, deadline - clock.now(), signal);
    latest = await store.get(kind, resource.name);
    if (!moves(latest) || (until === "change" && latest!.version !== resource.version)) change.stop();
    else await change.happened;
    latest = await store.get(kind, resource.name);
    if (until === "change") break;
  }
  return latest;
}

/** Begins to watch at once, so that no change between a look and the wait is missed. */
function nextChange(
  store: ResourceStore,
  clock: Clock,
  kind: Kind<any, any>,
  name: string,
  withinMs: number,
  signal: AbortSignal,
): { happened: Promise<void>; stop(): void } {
  const { promise: happened, resolve } = Promise.withResolvers<void>();
  const stop = () => {
    unwatch();
    cancel();
    signal.removeEventListener("abort", stop);
    resolve();
  };
  const unwatch = store.watch((change) => {
    if (change.kind === kind.name && keyOf(kind, change.name) === keyOf(kind, name)) stop();
  });
  const cancel = clock.after(Math.max(0, withinMs), stop);
  signal.addEventListener("abort", stop);
  if (signal.aborted) stop();
  return { happened, stop };
}
