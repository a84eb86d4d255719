/** The head of a plain request, read strictly: whatever is read here, llhttp reads alike, and all else is left to it. */

/** What the head of a plain request says. */
export interface PlainHead {
  readonly target: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** Where the body begins. */
  readonly bodyAt: number;
  /** How long the body is. */
  readonly length: number;
}

/** Heads that are longer are not read here. */
export const MAX_PLAIN_HEAD = 8 << 10;
const MAX_FIELDS = 64;

const BEGINNING = Buffer.from("POST /");
const END = Buffer.from("\r\n\r\n");

/** One blank after each colon, nothing but visible ASCII and blanks, and no value that begins or ends with one. */
const PLAIN =
  /^POST \/[\w./~-]* HTTP\/1\.1(?:\r\n[A-Za-z][A-Za-z0-9-]{0,63}: [\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)+$/;
const TARGET_AT = "POST ".length;
const AFTER_TARGET = " HTTP/1.1".length;

/** What changes how a request is framed or answered, and what node:http's object of headers has of its own. */
const ELSEWHERE = new Set([
  "transfer-encoding",
  "expect",
  "upgrade",
  "http2-settings",
  "te",
  "trailer",
  "proxy-connection",
  "keep-alive",
  "set-cookie",
  "constructor",
]);

/** In lower case, by the spelling that came: clients send the same few again and again. */
const names = new Map<string, string>();
const MAX_NAMES = 1000;

/**
 * Undefined when the bytes do not begin with a plain head: a POST with one Content-Length, one Host, no field twice, on a
 * connection that is kept; `more` while they may become one.
 */
export function readPlainHead(bytes: Buffer): PlainHead | "more" | undefined {
  const end = bytes.indexOf(END);
  if (end < 0) {
    const begun = Math.min(bytes.length, BEGINNING.length);
    const may = bytes.compare(BEGINNING, 0, begun, 0, begun) === 0;
    return may && bytes.length < MAX_PLAIN_HEAD ? "more" : undefined;
  }
  if (end > MAX_PLAIN_HEAD) return undefined;
  const head = bytes.toString("latin1", 0, end);
  if (!PLAIN.test(head)) return undefined;
  let at = head.indexOf("\r\n");
  const target = head.slice(TARGET_AT, at - AFTER_TARGET);
  const headers = new PlainHeaders();
  for (let fields = 1; at < end; fields++) {
    if (fields > MAX_FIELDS) return undefined;
    const colon = head.indexOf(":", at);
    const next = head.indexOf("\r\n", colon);
    const lineEnd = next < 0 ? end : next;
    const name = lowerCase(head.slice(at + 2, colon));
    if (name in headers || ELSEWHERE.has(name)) return undefined;
    headers[name] = head.slice(colon + 2, lineEnd);
    at = lineEnd;
  }
  const { host, connection, "content-length": length } = headers;
  if (host === undefined || length === undefined || !/^(?:0|[1-9]\d{0,8})$/.test(length)) return undefined;
  if (connection !== undefined && connection.toLowerCase() !== "keep-alive") return undefined;
  return { target, headers, bodyAt: end + END.length, length: Number(length) };
}

/** An object without a prototype, yet with a shape: one of Object.create(null) is a hash table, slow to fill and to walk. */
const PlainHeaders = function () {} as unknown as new () => Record<string, string>;
PlainHeaders.prototype = Object.create(null);

function lowerCase(name: string): string {
  const known = names.get(name);
  if (known !== undefined) return known;
  const lower = name.toLowerCase();
  if (names.size >= MAX_NAMES) names.clear();
  // a slice would keep the whole head
  names.set(Buffer.from(name, "latin1").toString("latin1"), lower);
  return lower;
}
