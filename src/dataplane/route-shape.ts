/** Routes read from what a file or a socket holds: field by field, so that nothing else gets into the data plane. */
import type { EndpointRoute, InstanceAddress, InstanceRoute, VariantRoute } from "./routing-table.ts";

type Fields = Readonly<Record<string, unknown>>;

/** The route that the value is, its fields always in the same order. Throws an Error that names the field. */
export function readRoute(value: unknown): EndpointRoute {
  const route = fields(value, "route");
  return {
    name: text(route, "name"),
    arn: text(route, "arn"),
    variants: list(route, "variants", readVariant),
    timeoutMs: number(route, "timeoutMs"),
    maxOutstanding: number(route, "maxOutstanding"),
  };
}

function readVariant(value: unknown): VariantRoute {
  const variant = fields(value, "variants");
  const { routing } = variant;
  if (routing !== "LEAST_OUTSTANDING_REQUESTS" && routing !== "RANDOM")
    throw new Error("routing must be LEAST_OUTSTANDING_REQUESTS or RANDOM");
  return {
    name: text(variant, "name"),
    fleet: text(variant, "fleet"),
    weight: number(variant, "weight"),
    routing,
    instances: list(variant, "instances", readInstance),
    ...(variant["pending"] !== undefined && { pending: number(variant, "pending") }),
  };
}

function readInstance(value: unknown): InstanceRoute {
  const instance = fields(value, "instances");
  return { id: text(instance, "id"), address: readAddress(instance["address"]) };
}

function readAddress(value: unknown): InstanceAddress {
  const address = fields(value, "address");
  const { kind } = address;
  if (kind === "tcp") return { kind, host: text(address, "host"), port: number(address, "port") };
  if (kind !== "unix") throw new Error("kind must be unix or tcp");
  const path = text(address, "path");
  if (address["framesPath"] === undefined) return { kind, path };
  return { kind, path, framesPath: text(address, "framesPath") };
}

/** The members of an object, for a reader that looks at each. */
export function fields(value: unknown, name: string): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new Error(`${name} must be an object`);
  return value as Fields;
}

/** A member that must be a string. */
export function text(from: Fields, name: string): string {
  const value = from[name];
  if (typeof value !== "string") throw new Error(`${name} must be a string`);
  return value;
}

/** A member that must be a number of 0 or more. */
export function number(from: Fields, name: string): number {
  const value = from[name];
  if (typeof value !== "number" || !(value >= 0)) throw new Error(`${name} must be a number of 0 or more`);
  return value;
}

/** A member that must be a list. */
export function list<T>(from: Fields, name: string, read: (value: unknown) => T): T[] {
  const value = from[name];
  if (!Array.isArray(value)) throw new Error(`${name} must be a list`);
  return value.map(read);
}
