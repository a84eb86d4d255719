/** What a server is told by whoever starts it, and what every role of it is handed. */
import { isIP } from "node:net";
import type { Account } from "../base/arn.ts";
import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import type { RootCredentials } from "../base/root-credentials.ts";
import type { SandboxMode } from "../compute/isolation/isolation.ts";
import type { Limits } from "../compute/isolation/limits.ts";

/** Plain data: it travels from process to process. */
export interface ServerSettings {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly dataDir: string;
  readonly region: string;
  readonly accountId: string;
  readonly allowRemote: boolean;
  /** Host headers besides loopback's that requests may have. */
  readonly allowedHosts: readonly string[];
  /** How long DescribeEndpoint may hold its answer while an endpoint is in transition; 0 = not at all. */
  readonly describeHoldMs: number;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Whether instances run in a sandbox; "auto" where it is not said. */
  readonly sandbox?: SandboxMode;
  /** Smaller limits for instances than their types have. */
  readonly limits?: Partial<Limits>;
}

/** A server that answers; disposing of it lets requests in flight end first. */
export interface RunningServer extends AsyncDisposable {
  readonly url: string;
  readonly region: string;
  readonly accountId: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly dataDir: string;
}

/** What every role is handed. */
export interface RolePorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly settings: ServerSettings;
  readonly root: RootCredentials;
}

/** How long a stopping server lets requests in flight go on. */
export const DRAIN_MS = 30_000;

/** Whose everything is. */
export function accountOf({ region, accountId }: ServerSettings): Account {
  return { region, accountId };
}

/** The Host headers that requests may have, besides loopback's. */
export function allowedHosts({ host, allowedHosts }: ServerSettings): readonly string[] {
  return [host, ...allowedHosts];
}

/** How long a serverless worker without requests is kept: 5 minutes, or what TIDEWAY_SERVERLESS_IDLE_SECONDS says. */
export function serverlessIdleMs({ env }: ServerSettings): number {
  const text = env["TIDEWAY_SERVERLESS_IDLE_SECONDS"];
  if (!text) return 300_000;
  if (!/^\d{1,5}$/.test(text) || Number(text) < 1 || Number(text) > 86_400)
    throw new Error(
      `TIDEWAY_SERVERLESS_IDLE_SECONDS must be a whole number from 1 to 86400, not "${text.slice(0, 100)}".`,
    );
  return Number(text) * 1000;
}

/** How much of the disk metrics may take: 1 GiB, or what TIDEWAY_METRICS_MAX_MB says. */
export function metricsBytes({ env }: ServerSettings): number {
  const text = env["TIDEWAY_METRICS_MAX_MB"];
  if (!text) return 1 << 30;
  if (!/^\d{2,7}$/.test(text) || Number(text) < 10)
    throw new Error(
      `TIDEWAY_METRICS_MAX_MB must be a whole number from 10 to 9999999, not "${text.slice(0, 100)}".`,
    );
  return Number(text) * 2 ** 20;
}

/** Whether invocations are counted and timed: unless TIDEWAY_METRICS is "off". Nothing can be scaled by them then. */
export function countsRequests({ env }: ServerSettings): boolean {
  return env["TIDEWAY_METRICS"] !== "off";
}

/** How many workers are kept ready while a serverless endpoint may need them: 1, or what TIDEWAY_WARM_WORKERS says. */
export function warmWorkers({ env }: ServerSettings): number {
  const text = env["TIDEWAY_WARM_WORKERS"];
  if (!text) return 1;
  if (!/^\d{1,2}$/.test(text) || Number(text) > 16)
    throw new Error(`TIDEWAY_WARM_WORKERS must be a whole number from 0 to 16, not "${text.slice(0, 100)}".`);
  return Number(text);
}

/** Where clients reach the server. */
export function urlOf({ host }: ServerSettings, port: number): string {
  return `http://${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
}

/** Whether only this machine can reach the server. */
export function isLocal({ host }: ServerSettings): boolean {
  return host === "localhost" || host === "::1" || host.startsWith("127.");
}

/** What a scraper of metrics must say: TIDEWAY_METRICS_TOKEN; undefined where nothing is to be said. */
export function metricsToken({ env }: ServerSettings): string | undefined {
  const text = env["TIDEWAY_METRICS_TOKEN"];
  if (!text) return undefined;
  if (!/^[\x21-\x7e]{16,256}$/.test(text))
    throw new Error("TIDEWAY_METRICS_TOKEN must be 16 to 256 characters of ASCII without spaces.");
  return text;
}

/** Throws when other machines could reach the server and nobody said that they may. */
export function refuseRemote(settings: ServerSettings): void {
  const { host, allowRemote } = settings;
  if (!isLocal(settings) && !allowRemote)
    throw new Error(
      `${host} can be reached from other machines. Add --allow-remote if that is meant, with TLS in front of it.`,
    );
}

/** Why the server can not listen there, in a sentence where a user can mend it. */
export function listenFailure(error: unknown, { host, port }: ServerSettings): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (code === "EADDRINUSE")
    return Object.assign(
      new Error(
        `Port ${port} is in use. Stop what uses it, or take another with --port (0 takes a free one).`,
      ),
      { code },
    );
  if (code === "EACCES")
    return new Error(
      `Port ${port} needs rights that this user does not have. Take one above 1023 with --port.`,
    );
  if (code === "EADDRNOTAVAIL" || code === "ENOTFOUND")
    return new Error(`This machine has no address ${host} to listen on.`);
  return error;
}
