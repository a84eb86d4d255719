/** The data plane's face: invocations in, outcomes out. Free of protocols, and never waits for control. */
import type { Outcome } from "./outcome.ts";
import type { RoutingChange, RoutingTable } from "./routing-table.ts";

export interface Invocation {
  readonly endpoint: string;
  readonly targetVariant?: string | undefined;
  /** POST unless said otherwise. */
  readonly method?: "GET" | "POST";
  /** The container's path: `/invocations`, or an OpenAI path. */
  readonly path: string;
  /** What the container contract lets through, lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  /** Aborts when the client goes away. */
  readonly signal: Departure;
  /** When it came in, by the monotonic clock; what passed until a model gets it is overhead. */
  readonly receivedAt?: number;
}

/** The part of an AbortSignal that the data plane uses, so that a gateway can have a cheaper one per request. */
export interface Departure {
  readonly aborted: boolean;
  addEventListener(type: "abort", listener: { handleEvent(): void }): void;
  removeEventListener(type: "abort", listener: { handleEvent(): void }): void;
}

export interface DataPlane extends AsyncDisposable {
  /** Takes a newer table; an older one is ignored. Returns the version it now routes by. */
  route(table: RoutingTable): number;
  /** Takes what has changed in the table, at the cost of the change; an older one is ignored. Returns the version. */
  reroute(change: RoutingChange): number;
  invoke(invocation: Invocation): Promise<Outcome<Uint8Array>>;
  /** The body arrives as the model sends it; a break or timeout in it throws a StreamFailure. */
  invokeStreaming(invocation: Invocation): Promise<Outcome<AsyncIterable<Uint8Array>>>;
  /** The longest body that the endpoint's requests may have, where it is shorter than a request's may be at all. */
  bodyLimit(endpoint: string): number | undefined;
  /** Requests in flight to a fleet, whether or not it is still routed to. */
  inFlight(fleet: string): number;
  /** Requests in flight to each instance that has any. */
  load(): Readonly<Record<string, number>>;
  /** Resolves once no request is in flight to the fleet: at once when there is none. */
  drained(fleet: string): Promise<void>;
}

/** What an instance did wrong, for whoever keeps it: refused a connection, broke one, or let a request time out. */
export type InstanceFailure = "unreachable" | "broken" | "timed-out";

/** A model's stream that did not end well, in the words of ModelStreamError. */
export class StreamFailure extends Error {
  override readonly name = "StreamFailure";
  readonly errorCode: "ModelInvocationTimeExceeded" | "StreamBroken";
  constructor(errorCode: "ModelInvocationTimeExceeded" | "StreamBroken", message: string) {
    super(message);
    this.errorCode = errorCode;
  }
}
