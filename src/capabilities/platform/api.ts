/**
 * Tideway's own API, under /_tideway: what SageMaker has no operation for. JSON over HTTP, signed as SageMaker's is,
 * except for health and info, which tell a probe or a load balancer nothing that must be kept.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Account } from "../../base/arn.ts";
import type { Clock } from "../../base/clock.ts";
import type { Log } from "../../base/log.ts";
import type { Engine } from "../../compute/engine.ts";
import type { ResourceStore } from "../../state/store.ts";
import type { MetricStorageStatus } from "../../telemetry/metrics.ts";
import type { Credentials } from "../../wire/credentials.ts";
import { Denial, denialFault } from "../../wire/denial.ts";
import { Hosts } from "../../wire/hosts.ts";
import { collect, Fault, type HttpRequest, receive } from "../../wire/http.ts";
import { authenticate } from "../../wire/server.ts";
import { sha256 } from "../../wire/sigv4.ts";
import { steady } from "../../wire/steady-body.ts";
import { EndpointKind } from "../hosting/kinds.ts";
import type { ImageAliases } from "./image-aliases.ts";

export interface PlatformPorts {
  readonly account: Account;
  readonly version: string;
  readonly store: ResourceStore;
  readonly engine: Engine;
  readonly aliases: ImageAliases;
  /** What runs without an alias. */
  readonly builtIn: readonly { readonly name: string; readonly kind: "builtin" | "script" }[];
  /** How far a transform job is; undefined when there is none of that name. */
  readonly transformJob: (name: string) => Promise<object | undefined>;
  /** How full the store of metrics is. */
  readonly metrics: () => MetricStorageStatus;
  readonly credentials: Credentials;
  readonly allowedHosts: readonly string[];
  readonly clock: Clock;
  readonly log: Log;
}

const SIGNED_FOR = "sagemaker";
const BODY_LIMIT = 64 * 1024;
const EVENTS = 100;

type Answer = { readonly json: object } | { readonly lines: AsyncIterable<object> };
type Route = readonly [
  method: string,
  path: RegExp,
  answer: (name: string, request: HttpRequest, body: Buffer, signal: AbortSignal) => Promise<Answer>,
];

export function platformApi(ports: PlatformPorts): {
  handle(message: IncomingMessage, reply: ServerResponse): Promise<void>;
} {
  const { account, version, store, engine, aliases, builtIn, credentials, clock, log } = ports;

  const hosts = new Hosts(ports.allowedHosts);

  const open: Readonly<Record<string, () => object>> = {
    "/_tideway/health": () => ({ status: "ok" }),
    "/_tideway/info": () => ({
      name: "tideway",
      version,
      region: account.region,
      accountId: account.accountId,
    }),
  };

  const routes: readonly Route[] = [
    [
      "GET",
      /^\/_tideway\/images$/,
      async () => ({
        json: { images: [...builtIn, ...aliases.all().map((alias) => ({ ...alias, kind: "command" }))] },
      }),
    ],
    [
      "PUT",
      /^\/_tideway\/images\/([^/]+)$/,
      async (name, _, body) => {
        await aliases.set(name, parse(body).command);
        return { json: { name } };
      },
    ],
    [
      "DELETE",
      /^\/_tideway\/images\/([^/]+)$/,
      async (name) => {
        await aliases.remove(name);
        return { json: { name } };
      },
    ],
    ["GET", /^\/_tideway\/status$/, async () => ({ json: { metrics: ports.metrics() } })],
    [
      "GET",
      /^\/_tideway\/transform-jobs\/([^/]+)$/,
      async (name) => {
        const json = await ports.transformJob(name);
        if (!json) throw new Fault("ResourceNotFound", `Could not find transform job "${name}".`, 404);
        return { json };
      },
    ],
    [
      "GET",
      /^\/_tideway\/endpoints\/([^/]+)\/events$/,
      async (name) => ({ json: { events: await store.events(EndpointKind, name, EVENTS) } }),
    ],
    [
      "GET",
      /^\/_tideway\/endpoints\/([^/]+)\/logs$/,
      async (name, { query }, _, signal) => {
        const endpoint = await store.get(EndpointKind, name);
        if (!endpoint) throw new Fault("ResourceNotFound", `Could not find endpoint "${name}".`, 404);
        const follow = query.get("follow") === "true";
        return { lines: engine.logs(`${endpoint.uid.slice(0, 8)}-`, { follow, signal }) };
      },
    ],
  ];

  async function answer(message: IncomingMessage, signal: AbortSignal): Promise<Answer> {
    const request = receive(message);
    hosts.admit(request);
    const tell = open[request.path];
    if (tell) {
      if (request.method !== "GET" && request.method !== "HEAD")
        throw new Fault("MethodNotAllowed", "Only GET is answered here.", 405);
      return { json: tell() };
    }
    const signature = authenticate(request, credentials, clock.now());
    if (signature instanceof Denial) throw signature;
    if (signature.service !== SIGNED_FOR)
      throw new Denial("wrongSignature", `Credential should be scoped to correct service: '${SIGNED_FOR}'.`);
    const body = await collect(steady(request.body, clock), BODY_LIMIT);
    signature.check(sha256(body));
    const paths = routes.filter(([, path]) => path.test(request.path));
    if (!paths.length) throw new Fault("UnknownOperation", `There is nothing at ${request.path}.`, 404);
    const route = paths.find(([method]) => method === request.method);
    if (!route)
      throw new Fault(
        "MethodNotAllowed",
        `${request.path} answers ${paths.map(([method]) => method).join(", ")}.`,
        405,
      );
    return route[2](decoded(route[1].exec(request.path)?.[1] ?? ""), request, body, signal);
  }

  return {
    async handle(message, reply) {
      const gone = new AbortController();
      reply.once("close", () => gone.abort());
      try {
        const answered = await answer(message, gone.signal);
        if ("json" in answered) return send(reply, 200, answered.json);
        reply.writeHead(200, { "content-type": "application/x-ndjson" });
        reply.flushHeaders();
        for await (const line of answered.lines)
          if (!reply.write(`${JSON.stringify(line)}\n`)) await drained(reply);
        reply.end();
      } catch (error) {
        if (gone.signal.aborted) return;
        if (reply.headersSent) return void reply.destroy();
        const told = error instanceof Denial ? denialFault(error, "rest-json") : error;
        const fault = told instanceof Fault ? told : new Fault("InternalFailure", "The request failed.", 500);
        if (fault !== told) log.error("a request to /_tideway failed", { path: message.url, error });
        send(reply, fault.status, { __type: fault.name, message: fault.message });
      } finally {
        if (!message.complete) message.resume();
      }
    },
  };
}

function send(reply: ServerResponse, status: number, json: object): void {
  const body = Buffer.from(JSON.stringify(json));
  reply
    .writeHead(status, {
      "content-type": "application/json",
      "content-length": body.byteLength,
      "x-content-type-options": "nosniff",
    })
    .end(body);
}

function parse(body: Buffer): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(body.toString());
    if (typeof value === "object" && value !== null && !Array.isArray(value))
      return value as Record<string, unknown>;
  } catch {}
  throw new Fault("SerializationException", "The body must be a JSON object.");
}

function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    throw new Fault("ValidationException", "The name in the path is not well encoded.");
  }
}

const drained = (reply: ServerResponse) =>
  new Promise<void>((resolve) => {
    reply.once("drain", resolve);
    reply.once("close", resolve);
  });
