/**
 * DescribeEndpoint may hold its answer while an endpoint is in transition: the waiters of the SDKs sleep 30 s between
 * looks, so an endpoint that is ready after 300 ms would be seen after 30 s.
 */
import type { Clock } from "../../base/clock.ts";
import type { Resource } from "../../state/resource.ts";
import type { ResourceStore } from "../../state/store.ts";
import { type Deployment, EndpointKind, type EndpointStatus } from "./kinds.ts";

type Endpoint = Resource<Deployment, EndpointStatus>;

export interface Hold {
  /** `rest`: until the endpoint is in no transition; `change`: until anything about it changes; `none`: not at all. */
  readonly until: "rest" | "change" | "none";
  readonly forMs: number;
  readonly signal: AbortSignal;
}

/** What the caller asks for in `x-tideway-hold`: who shows progress wants each change, or the state of now. */
export function holdUntil({ "x-tideway-hold": asked }: Readonly<Record<string, string>>): Hold["until"] {
  return asked === "change" || asked === "none" ? asked : "rest";
}

const IN_TRANSITION: ReadonlySet<string> = new Set(["Creating", "Updating", "RollingBack", "Deleting"]);

/** The endpoint once what is waited for has happened, or as it is when the hold is over; undefined when it is gone. */
export async function held(
  store: ResourceStore,
  clock: Clock,
  endpoint: Endpoint,
  { until, forMs, signal }: Hold,
): Promise<Endpoint | undefined> {
  const moving = (one: Endpoint | undefined) =>
    one?.uid === endpoint.uid && IN_TRANSITION.has(one.status.state);
  const deadline = clock.now() + forMs;
  let latest: Endpoint | undefined = endpoint;
  if (until === "none") return latest;
  while (moving(latest) && clock.now() < deadline && !signal.aborted) {
    const change = nextChange(store, clock, endpoint.name, deadline - clock.now(), signal);
    latest = await store.get(EndpointKind, endpoint.name);
    if (!moving(latest) || (until === "change" && latest!.version !== endpoint.version)) change.stop();
    else await change.happened;
    latest = await store.get(EndpointKind, endpoint.name);
    if (until === "change") break;
  }
  return latest;
}

/** Begins to watch at once, so that no change between a look and the wait is missed. */
function nextChange(
  store: ResourceStore,
  clock: Clock,
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
    if (change.kind === EndpointKind.name && change.name.toLowerCase() === name.toLowerCase()) stop();
  });
  const cancel = clock.after(Math.max(0, withinMs), stop);
  signal.addEventListener("abort", stop);
  if (signal.aborted) stop();
  return { happened, stop };
}
