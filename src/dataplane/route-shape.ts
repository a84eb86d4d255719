/** Routes read from what a file or a socket holds: field by field, so that nothing else gets into the data plane. */
import type {
  EndpointRoute,
  InstanceAddress,
  InstanceRoute,
  ServerlessRoute,
  VariantRoute,
} from "./routing-table.ts";

type Fields = Readonly<Record<string, unknown>>;

/** The route that the value is, its fields always in the same order. Throws an Error that names the field. */
export function readRoute(value: unknown): EndpointRoute {
  const route = fields(value, "route");
  return whole<EndpointRoute>({
    name: text(route, "name"),
    arn: text(route, "arn"),
    variants: list(route, "variants", readVariant),
    timeoutMs: number(route, "timeoutMs"),
    maxOutstanding: number(route, "maxOutstanding"),
    asynchronous: optional(route, "asynchronous", flag),
  });
}

function readVariant(value: unknown): VariantRoute {
  const variant = fields(value, "variants");
  const { routing } = variant;
  if (routing !== "LEAST_OUTSTANDING_REQUESTS" && routing !== "RANDOM")
    throw new Error("routing must be LEAST_OUTSTANDING_REQUESTS or RANDOM");
  return whole<VariantRoute>({
    name: text(variant, "name"),
    fleet: text(variant, "fleet"),
    weight: number(variant, "weight"),
    routing,
    instances: list(variant, "instances", readInstance),
    pending: optional(variant, "pending", number),
    maxWaitMs: optional(variant, "maxWaitMs", number),
    config: optional(variant, "config", text),
    serverless: optional(variant, "serverless", readServerless),
  });
}

function readServerless(from: Fields, name: string): ServerlessRoute {
  const serverless = fields(from[name], name);
  return whole<ServerlessRoute>({
    maxConcurrency: number(serverless, "maxConcurrency"),
    provisionedConcurrency: optional(serverless, "provisionedConcurrency", number),
    failure: optional(serverless, "failure", text),
  });
}

function readInstance(value: unknown): InstanceRoute {
  const instance = fields(value, "instances");
  return whole<InstanceRoute>({ id: text(instance, "id"), address: readAddress(instance["address"]) });
}

function readAddress(value: unknown): InstanceAddress {
  const address = fields(value, "address");
  const { kind } = address;
  if (kind === "tcp") return whole<Tcp>({ kind, host: text(address, "host"), port: number(address, "port") });
  if (kind !== "unix") throw new Error("kind must be unix or tcp");
  return whole<Unix>({
    kind,
    path: text(address, "path"),
    framesPath: optional(address, "framesPath", text),
  });
}

type Tcp = Extract<InstanceAddress, { kind: "tcp" }>;
type Unix = Extract<InstanceAddress, { kind: "unix" }>;

/** Makes the compiler see to it that a field which is new to a type is read here, too. */
function whole<T>(read: { readonly [Key in keyof T]-?: T[Key] | undefined }): T {
  return read as T;
}

function optional<T>(from: Fields, name: string, read: (from: Fields, name: string) => T): T | undefined {
  return from[name] === undefined ? undefined : read(from, name);
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

function flag(from: Fields, name: string): boolean {
  const value = from[name];
  if (typeof value !== "boolean") throw new Error(`${name} must be true or false`);
  return value;
}

/** A member that must be a list. */
export function list<T>(from: Fields, name: string, read: (value: unknown) => T): T[] {
  const value = from[name];
  if (!Array.isArray(value)) throw new Error(`${name} must be a list`);
  return value.map(read);
}
