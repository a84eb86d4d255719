/**
 * `GET /metrics`, for Prometheus. Who may read it: whoever reaches a server that listens on this machine alone, under
 * one of its names; or, with a token set, who has that. Scrapers can not sign as AWS's clients do.
 */
import { hash, timingSafeEqual } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Log } from "../../base/log.ts";
import type { Family } from "../../telemetry/family.ts";
import { Hosts } from "../../wire/hosts.ts";
import { Fault, receive } from "../../wire/http.ts";
import { exposition, OPEN_METRICS, TEXT } from "./exposition.ts";

export interface ScrapeOptions {
  readonly families: () => Promise<readonly Family[]>;
  /** Other machines can not reach the server. */
  readonly local: boolean;
  /** What a scraper says that may read. */
  readonly token: string | undefined;
  /** Host names besides loopback's. */
  readonly allowedHosts: readonly string[];
  readonly log: Log;
}

/** Whether a request is a scrape. One for the objects in a bucket of that name is signed. */
export function isScrape({ url, headers }: IncomingMessage): boolean {
  return url === "/metrics" && !headers.authorization?.startsWith("AWS");
}

export interface ScrapeTarget {
  /** Answers a scrape. */
  readonly handle: (message: IncomingMessage, reply: ServerResponse) => Promise<void>;
}

/** Makes what answers scrapes. */
export function scrapeTarget({ families, local, token, allowedHosts, log }: ScrapeOptions): ScrapeTarget {
  // without a token a proxy that passes its own host on must not open this to the world
  const hosts = new Hosts(token === undefined ? [] : allowedHosts);

  function admit(message: IncomingMessage): void {
    const request = receive(message);
    hosts.admit(request);
    if (request.method !== "GET" && request.method !== "HEAD")
      throw new Fault("MethodNotAllowed", "Only GET is answered here.", 405);
    const { headers } = request;
    const forwarded = headers["forwarded"] ?? headers["x-forwarded-for"];
    if (token === undefined && (!local || forwarded !== undefined))
      throw new Fault(
        "AccessDeniedException",
        "Metrics can be read from other machines only with a token: set TIDEWAY_METRICS_TOKEN, and have it sent as a bearer token.",
        403,
      );
    if (token !== undefined && !isSame(headers["authorization"] ?? "", `Bearer ${token}`))
      throw new Fault("AccessDeniedException", "Send TIDEWAY_METRICS_TOKEN as a bearer token.", 401);
  }

  return {
    async handle(message, reply) {
      message.resume();
      try {
        admit(message);
        const openMetrics = /\bapplication\/openmetrics-text\b/.test(message.headers.accept ?? "");
        const text = exposition(await families(), openMetrics);
        send(message, reply, 200, openMetrics ? OPEN_METRICS : TEXT, text);
      } catch (error) {
        if (!(error instanceof Fault)) log.error("A scrape of metrics failed.", { error });
        const { status, message: told } =
          error instanceof Fault ? error : { status: 500, message: "Metrics could not be read." };
        if (status === 401) reply.setHeader("www-authenticate", "Bearer");
        send(message, reply, status, "text/plain; charset=utf-8", `${told}\n`);
      }
    },
  };
}

function send(
  { method }: IncomingMessage,
  reply: ServerResponse,
  status: number,
  type: string,
  text: string,
): void {
  const body = Buffer.from(text);
  reply.writeHead(status, {
    "content-type": type,
    "content-length": body.byteLength,
    "x-content-type-options": "nosniff",
  });
  reply.end(method === "HEAD" ? undefined : body);
}

/** In a time that tells nothing of how much of it is right. */
function isSame(given: string, wanted: string): boolean {
  return timingSafeEqual(hash("sha256", given, "buffer"), hash("sha256", wanted, "buffer"));
}
