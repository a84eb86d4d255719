/** The head of an instance's answer, read strictly: what two readers could read differently is refused. */

/** How the end of a body is told. */
export type Framing =
  | { readonly kind: "length"; readonly length: number }
  | { readonly kind: "chunked" }
  /** It ends with the connection. */
  | { readonly kind: "close" };

export interface ResponseHead {
  readonly status: number;
  /** Names in lower case; of those that come more than once, the first. */
  readonly headers: Readonly<Record<string, string>>;
  readonly framing: Framing;
  /** Whether the connection may carry another request. */
  readonly keepAlive: boolean;
}

/** An answer that is not HTTP/1.1, in a few words. */
export class BadAnswer extends Error {
  override readonly name = "BadAnswer";
}

/** As long as a head may be. */
export const MAX_HEAD = 16 * 1024;

/** Characters that no field may hold, and ends of lines that are only half of one. */
const FORBIDDEN = /[^\t\r\n\x20-\x7e\x80-\xff]|\r(?!\n)|(?<!\r)\n/;
const STATUS_LINE = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: |$)/;
const NAME = /^[!#$%&'*+.^_`|~\w-]+$/;
const EMPTY: Framing = { kind: "length", length: 0 };

/** Reads a head without the empty line at its end, as latin1. Throws a BadAnswer. */
export function readHead(text: string): ResponseHead {
  if (FORBIDDEN.test(text)) throw new BadAnswer("forbidden characters in its head");
  let end = lineEnd(text, 0);
  const [, minor, code] = STATUS_LINE.exec(text.slice(0, end)) ?? [];
  if (code === undefined) throw new BadAnswer("no HTTP/1.1 status line");
  const status = Number(code);
  const headers: Record<string, string> = {};
  let length: string | undefined;
  let encoding: string | undefined;
  let keepAlive = minor === "1";
  while (end < text.length) {
    const start = end + 2;
    end = lineEnd(text, start);
    const colon = text.indexOf(":", start);
    const name = text.slice(start, colon).toLowerCase();
    if (colon < 0 || colon > end || !NAME.test(name)) throw new BadAnswer("a malformed header field");
    const value = text.slice(colon + 1, end).trim();
    if (name === "content-length") {
      if (length !== undefined || !/^\d{1,15}$/.test(value)) throw new BadAnswer("an unclear Content-Length");
      length = value;
    } else if (name === "transfer-encoding") {
      if (encoding !== undefined || value.toLowerCase() !== "chunked")
        throw new BadAnswer("a Transfer-Encoding other than chunked");
      encoding = value;
    } else if (name === "connection") {
      if (/\bclose\b/i.test(value)) keepAlive = false;
    } else if (name === "keep-alive") {
      if (/\btimeout=[01]\b/i.test(value)) keepAlive = false;
    } else if (!Object.hasOwn(headers, name)) headers[name] = value;
  }
  if (length !== undefined && encoding !== undefined)
    throw new BadAnswer("both Content-Length and Transfer-Encoding");
  if (status < 200 || status === 204 || status === 304) return { status, headers, framing: EMPTY, keepAlive };
  if (encoding !== undefined) return { status, headers, framing: { kind: "chunked" }, keepAlive };
  if (length !== undefined)
    return { status, headers, framing: { kind: "length", length: Number(length) }, keepAlive };
  return { status, headers, framing: { kind: "close" }, keepAlive: false };
}

function lineEnd(text: string, from: number): number {
  const at = text.indexOf("\r\n", from);
  return at < 0 ? text.length : at;
}
