/** All that the data plane knows: snapshots that control publishes. Nothing here is asked of a store. */

export type InstanceAddress =
  | { readonly kind: "unix"; readonly path: string; readonly framesPath?: string }
  | { readonly kind: "tcp"; readonly host: string; readonly port: number };

export interface InstanceRoute {
  readonly id: string;
  readonly address: InstanceAddress;
}

/** What the requests of a serverless variant are held to: each has a worker (an instance) of its own. */
export interface ServerlessRoute {
  /** Requests at once; more are refused. */
  readonly maxConcurrency: number;
  /** Workers that are there without requests, too. */
  readonly provisionedConcurrency?: number;
  /** Why no worker can be started: what callers are told, until the next try. */
  readonly failure?: string;
}

export interface VariantRoute {
  readonly name: string;
  /** The fleet that serves the variant now: in-flight requests are counted by it, so that it can be drained. */
  readonly fleet: string;
  readonly weight: number;
  readonly routing: "LEAST_OUTSTANDING_REQUESTS" | "RANDOM";
  readonly instances: readonly InstanceRoute[];
  /** Instances that should serve and do not yet: with these alone, callers are told to come back soon. */
  readonly pending?: number;
  /** How long a request may have to wait for others, at the fleet's pace; 900 ms unless said otherwise. */
  readonly maxWaitMs?: number;
  /** The endpoint's configuration, while another one is taking its place: its requests are measured apart, too. */
  readonly config?: string;
  /** Its workers are started for requests and stopped without: there may be none. */
  readonly serverless?: ServerlessRoute;
}

export interface EndpointRoute {
  /** As the user wrote it; looked up without regard to case. */
  readonly name: string;
  readonly arn: string;
  readonly variants: readonly VariantRoute[];
  /** Model time per request, ms. */
  readonly timeoutMs: number;
  /** Requests that may wait for an answer at once, over all instances; above it: no capacity. */
  readonly maxOutstanding: number;
  /** It takes asynchronous requests only, which no gateway answers. */
  readonly asynchronous?: boolean;
}

export interface RoutingTable {
  readonly version: number;
  readonly endpoints: readonly EndpointRoute[];
}

/** A new route of one endpoint, or that it has none any more. */
export interface RouteChange {
  readonly endpoint: string;
  readonly route: EndpointRoute | undefined;
}

/** What has changed since the version before; of two changes of one endpoint the last one holds. */
export interface RoutingChange {
  readonly version: number;
  readonly changes: readonly RouteChange[];
}

/** How control hands routes to gateways. In one process a gateway acknowledges at once; across processes later. */
export interface RoutePublisher {
  /** Resolves when every gateway routes by a table that holds this route (or, with undefined, lacks it). */
  publish(endpoint: string, route: EndpointRoute | undefined): Promise<void>;
  /** Takes back the routes of all other endpoints: what an earlier control published for some that are gone. */
  prune(endpoints: readonly string[]): void;
  /** Resolves when no request is in flight to the fleet, or `deadlineMs` have passed; tells how many still are. */
  drained(fleet: string, deadlineMs: number): Promise<number>;
}
