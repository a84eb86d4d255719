/** Which names this server answers to. */
import { Fault, type HttpRequest } from "./http.ts";

const LOOPBACK = ["127.0.0.1", "localhost", "[::1]"];

/** RFC 1035: the longest name of a host. */
const MAX_NAME = 255;

/** The allow-list of hosts: against pages that let their own name resolve to this machine (DNS rebinding). */
export class Hosts {
  readonly #allowed: ReadonlySet<string>;
  readonly #origins: ReadonlySet<string>;

  /** `origins`: those of web pages on other hosts that may send requests, such as `https://console.example`. */
  constructor(allowed: readonly string[] = [], origins: readonly string[] = []) {
    this.#allowed = new Set([...LOOPBACK, ...allowed.map((host) => host.toLowerCase())]);
    this.#origins = new Set(origins);
  }

  /** Throws unless the request is meant for this server, and comes from no web page or from an allowed one. */
  admit({ headers }: HttpRequest): void {
    const name = hostname(headers.host);
    if (!this.#allowed.has(name) && this.#bucket(name) === undefined)
      throw new Fault(
        "AccessDeniedException",
        `The host "${name.slice(0, MAX_NAME)}" is not served here. Allow it in the server's configuration.`,
        403,
      );
    const { origin } = headers;
    if (
      origin !== undefined &&
      origin !== `http://${headers.host}` &&
      origin !== `https://${headers.host}` &&
      !this.#origins.has(origin)
    )
      throw new Fault(
        "AccessDeniedException",
        "Requests of web pages from this origin are not allowed.",
        403,
      );
  }

  /** A request to `bucket.host/key` as one to `host/bucket/key`, which is how the schemas have it. */
  pathStyle(request: HttpRequest): HttpRequest {
    const bucket = this.#bucket(hostname(request.headers.host));
    return bucket === undefined ? request : { ...request, path: `/${bucket}${request.path}` };
  }

  #bucket(name: string): string | undefined {
    // each look costs the length of the name, and there may be one for each of its characters
    if (this.#allowed.has(name) || name.length > MAX_NAME) return undefined;
    for (let dot = name.indexOf("."); dot > 0; dot = name.indexOf(".", dot + 1)) {
      const host = name.slice(dot + 1);
      if (this.#allowed.has(host) && /[a-z]/.test(host)) return name.slice(0, dot);
    }
    return undefined;
  }
}

function hostname(host = ""): string {
  return host.toLowerCase().replace(/:\d*$/, "");
}
