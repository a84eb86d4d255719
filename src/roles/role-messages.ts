/** What the supervisor and the processes of control and gateway say to each other, over Node's channel between them. */
import type { RootCredentials } from "../base/root-credentials.ts";
import type { ServerSettings } from "./settings.ts";

/** What every role is started with. */
export interface RoleStart {
  readonly settings: ServerSettings;
  readonly root: RootCredentials;
  /** This run of the supervisor: addresses of instances mean nothing after it. */
  readonly session: string;
  /** Control's HTTP, for what gateways forward. */
  readonly controlSocket: string;
  /** Where gateways hand over what they have proven. */
  readonly handoverSocket: string;
  /** Where gateways get their routes. */
  readonly routesSocket: string;
  /** Where the last routing table is kept. */
  readonly routesFile: string;
}

export interface GatewayStart extends RoleStart {
  readonly gateway: string;
}

/** To a role. The gateways' list goes to control: routes are waited for until each of these has them. */
export type ToRole =
  | { readonly kind: "start"; readonly start: RoleStart | GatewayStart }
  | { readonly kind: "gateways"; readonly ids: readonly string[] }
  | { readonly kind: "host"; readonly message: object }
  /** The server is about to stop: who only waits for something to happen is answered now. */
  | { readonly kind: "stopping" }
  | { readonly kind: "stop" };

/** From a role. A beat tells that its event loop turns. */
export type FromRole =
  | { readonly kind: "ready" }
  | { readonly kind: "failed"; readonly message: string; readonly code?: string }
  | { readonly kind: "host"; readonly message: object }
  | { readonly kind: "beat" };

/** How often a role says that it lives. */
export const BEAT_MS = 1000;
