/** What control and a gateway say to one another. */
import type { Datum, Sender } from "../telemetry/metrics.ts";
import type { InstanceFailure } from "./data-plane.ts";
import { readDatum } from "./metric-messages.ts";
import { fields, list, number, readRoute, text } from "./route-shape.ts";
import type { RouteChange } from "./routing-table.ts";

export type FromGateway =
  /** The first message: who it is, and which version it routes by; 0 for none. */
  | { readonly kind: "hello"; readonly id: string; readonly version: number }
  /** It routes by this version now. */
  | { readonly kind: "routed"; readonly version: number }
  /** The answer to `count`. */
  | { readonly kind: "in-flight"; readonly question: number; readonly requests: number }
  | { readonly kind: "instance-failed"; readonly instance: string; readonly failure: InstanceFailure }
  /** Its requests to a serverless fleet need so many workers, until it says otherwise. */
  | { readonly kind: "demand"; readonly fleet: string; readonly workers: number }
  /** How many requests it has in flight to each instance, where there are any. */
  | { readonly kind: "load"; readonly instances: Readonly<Record<string, number>> }
  /** What it measured; to be answered once it is kept, and sent again otherwise. */
  | { readonly kind: "metrics"; readonly sender: Sender; readonly data: readonly Datum[] };

export type FromControl =
  /**
   * Changes that lead to a version; in parts, of which the last one is marked. `whole`: nothing else is in the table.
   * A version without changes says that the gateway's is the newest.
   */
  | {
      readonly kind: "routes";
      readonly version: number;
      readonly whole: boolean;
      readonly last: boolean;
      readonly changes: readonly RouteChange[];
    }
  /** Asks how many requests are in flight to a fleet. */
  | { readonly kind: "count"; readonly question: number; readonly fleet: string }
  /** The metrics of that number are kept. */
  | { readonly kind: "metrics-kept"; readonly sequence: number };

/** Reads a gateway's message. Throws an Error that says what is wrong with it. */
export function readFromGateway(value: unknown): FromGateway {
  const message = fields(value, "message");
  switch (message["kind"]) {
    case "hello":
      return { kind: "hello", id: text(message, "id"), version: number(message, "version") };
    case "routed":
      return { kind: "routed", version: number(message, "version") };
    case "in-flight":
      return {
        kind: "in-flight",
        question: number(message, "question"),
        requests: number(message, "requests"),
      };
    case "demand":
      return { kind: "demand", fleet: text(message, "fleet"), workers: number(message, "workers") };
    case "load": {
      const instances = fields(message["instances"], "instances");
      return {
        kind: "load",
        instances: Object.fromEntries(Object.keys(instances).map((id) => [id, number(instances, id)])),
      };
    }
    case "metrics": {
      const sender = fields(message["sender"], "sender");
      return {
        kind: "metrics",
        sender: { id: text(sender, "id"), sequence: number(sender, "sequence") },
        data: list(message, "data", readDatum),
      };
    }
    case "instance-failed": {
      const { failure } = message;
      if (failure !== "unreachable" && failure !== "broken" && failure !== "timed-out")
        throw new Error("failure must be unreachable, broken or timed-out");
      return { kind: "instance-failed", instance: text(message, "instance"), failure };
    }
    default:
      throw new Error("kind must be one of a gateway's messages");
  }
}

/** Reads control's message. Throws an Error that says what is wrong with it. */
export function readFromControl(value: unknown): FromControl {
  const message = fields(value, "message");
  switch (message["kind"]) {
    case "routes":
      return {
        kind: "routes",
        version: number(message, "version"),
        whole: message["whole"] === true,
        last: message["last"] === true,
        changes: list(message, "changes", readChange),
      };
    case "count":
      return { kind: "count", question: number(message, "question"), fleet: text(message, "fleet") };
    case "metrics-kept":
      return { kind: "metrics-kept", sequence: number(message, "sequence") };
    default:
      throw new Error("kind must be one of control's messages");
  }
}

function readChange(value: unknown): RouteChange {
  const change = fields(value, "changes");
  return {
    endpoint: text(change, "endpoint"),
    route: change["route"] === null ? undefined : readRoute(change["route"]),
  };
}

/** A change as it is sent: `json` is the route as JSON, or null. */
export function writeChange(endpoint: string, json: string): string {
  return `{"endpoint":${JSON.stringify(endpoint)},"route":${json}}`;
}

/** How much of a table goes into one message, in characters. */
const PART = 1 << 20;

/** Changes as messages, each with its end of line. */
export function writeRoutes(version: number, whole: boolean, changes: readonly string[]): string {
  let text = "";
  let at = 0;
  do {
    const start = at;
    for (let size = 0; at < changes.length && (at === start || size < PART); at++)
      size += changes[at]!.length;
    const last = at === changes.length;
    text += `{"kind":"routes","version":${version},"whole":${whole},"last":${last},"changes":[${changes.slice(start, at).join()}]}\n`;
  } while (at < changes.length);
  return text;
}
