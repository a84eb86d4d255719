/** A request to a URL that a user gave: bounded in time and in what is read, and never to metadata services. */
import { lookup, type LookupAddress, type LookupAllOptions } from "node:dns";
import { BlockList, isIP, type LookupFunction } from "node:net";
import type { Clock } from "./clock.ts";
import { request as httpRequest } from "./node-http.ts";

/** What became of an attempt. `refused` will not be better the next time. */
export type Attempt =
  | { readonly kind: "delivered" }
  | { readonly kind: "failed" | "refused"; readonly status?: number; readonly reason: string };

const DEADLINE_MS = 15_000;
/** Enough of an answer that its connection is ended in peace. */
const MOST_READ = 65_536;

const forbidden = new BlockList();
// link-local: on clouds, the metadata services that hand out credentials
forbidden.addSubnet("169.254.0.0", 16, "ipv4");
forbidden.addSubnet("fe80::", 10, "ipv6");
// metadata services elsewhere: AWS over IPv6, Alibaba
forbidden.addAddress("fd00:ec2::254", "ipv6");
forbidden.addAddress("100.100.100.200", "ipv4");

/** Why nothing is ever sent to that URL, or undefined. Names are looked up again at each attempt. */
export function refusedUrl(url: string): string | undefined {
  if (!URL.canParse(url)) return "it is not a URL";
  const { protocol, hostname, username, password } = new URL(url);
  if (protocol !== "http:" && protocol !== "https:") return "it must begin with http:// or https://";
  // credentials in URLs end up in logs
  if (username || password) return "it must not hold a user name or a password";
  const address = hostname.replace(/^\[|\]$/g, "");
  return isIP(address) && isForbidden(address)
    ? "link-local and metadata addresses are not allowed"
    : undefined;
}

function isForbidden(address: string): boolean {
  return forbidden.check(address, isIP(address) === 6 ? "ipv6" : "ipv4");
}

/** Finds the addresses of a name, as `lookup` of node:dns does with `all`. */
export type Resolve = (
  hostname: string,
  options: LookupAllOptions,
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

const guarded =
  (resolve: Resolve): LookupFunction =>
  (hostname, options, callback) =>
    resolve(hostname, { ...options, all: true }, (error, addresses) => {
      if (error) return callback(error, [], 0);
      if (addresses.some(({ address }) => isForbidden(address)))
        return callback(new ForbiddenAddress(`${hostname} has a link-local or metadata address`), [], 0);
      const [first] = addresses;
      if (options.all) callback(null, addresses);
      else callback(null, first?.address ?? "", first?.family);
    });

class ForbiddenAddress extends Error {}

/** One attempt. Aborts with the signal, which must not look like a failure to the caller: it throws then. */
export function post(
  url: string,
  headers: Readonly<Record<string, string>>,
  body: string,
  clock: Clock,
  signal: AbortSignal,
  { method = "POST", resolveName = lookup }: { method?: string; resolveName?: Resolve } = {},
): Promise<Attempt> {
  const refusal = refusedUrl(url);
  if (refusal !== undefined) return Promise.resolve({ kind: "refused", reason: refusal });
  const bytes = Buffer.from(body);
  return new Promise((resolve, reject) => {
    const send = url.startsWith("https:") ? process.getBuiltinModule("node:https").request : httpRequest;
    let request: ReturnType<typeof send>;
    try {
      request = send(url, {
        method,
        agent: false,
        headers: { ...headers, "content-length": bytes.byteLength, connection: "close" },
        lookup: guarded(resolveName),
        signal,
      });
    } catch (error) {
      // a header that no request may have
      return resolve({ kind: "refused", reason: (error as Error).message });
    }
    const cancel = clock.after(DEADLINE_MS, () =>
      request.destroy(new Error(`no answer within ${DEADLINE_MS / 1000} s`)),
    );
    const end = (attempt: Attempt) => {
      cancel();
      resolve(attempt);
    };
    request.on("error", (error) => {
      cancel();
      if (signal.aborted) return reject(signal.reason as Error);
      resolve({ kind: error instanceof ForbiddenAddress ? "refused" : "failed", reason: error.message });
    });
    request.on("response", (answer) => {
      let read = 0;
      answer.on("data", (chunk: Buffer) => {
        if ((read += chunk.byteLength) > MOST_READ) answer.destroy();
      });
      answer.on("error", () => {}); // its head said it all
      end(outcomeOf(answer.statusCode ?? 0));
      // the rest may come as slowly as it likes, but not for ever
      const stop = clock.after(DEADLINE_MS, () => answer.destroy());
      answer.once("close", stop);
    });
    request.end(bytes);
  });
}

/** Redirects are not followed: where they lead was not what the user subscribed. */
function outcomeOf(status: number): Attempt {
  if (status >= 200 && status < 300) return { kind: "delivered" };
  const kind = status === 429 || status >= 500 ? "failed" : "refused";
  return { kind, status, reason: `the subscriber answered ${status}` };
}
