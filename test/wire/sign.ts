/** A client's side of Signature Version 4, written from AWS's description and apart from the verifier. */
import { createHash, createHmac } from "node:crypto";

/** What is to be signed. */
export interface Unsigned {
  readonly method?: string;
  readonly path?: string;
  /** As it stands in the URL. */
  readonly query?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

/** By whom and when. */
export interface Signer {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly service: string;
  readonly now?: number;
  readonly day?: string;
  readonly sessionToken?: string;
  /** What stands for the body's hash; `undefined` hashes the body and sends the hash, `""` does not send it. */
  readonly payload?: string;
  /** Headers to leave out of the signature. */
  readonly leaveOut?: readonly string[];
}

/** A request ready to be sent, in the form of `fetch` and of the verifier. */
export interface Signed {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: Record<string, string>;
  readonly body: string | Uint8Array;
}

const sha256 = (data: string | Uint8Array) => createHash("sha256").update(data).digest("hex");
const hmac = (key: string | Buffer, data: string) => createHmac("sha256", key).update(data).digest();
const encode = (text: string) =>
  encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
export const stamp = (time: number) => new Date(time).toISOString().replace(/[-:]|\.\d+/g, "");

/** With an Authorization header. */
export function sign(request: Unsigned, signer: Signer): Signed {
  const { method = "POST", path = "/", query = "", body = "" } = request;
  const date = stamp(signer.now ?? Date.now());
  const bodyHash = signer.payload || sha256(body);
  const headers: Record<string, string> = { host: "127.0.0.1", ...request.headers, "x-amz-date": date };
  if (signer.payload !== "") headers["x-amz-content-sha256"] = bodyHash;
  if (signer.sessionToken !== undefined) headers["x-amz-security-token"] = signer.sessionToken;
  const names = Object.keys(headers)
    .filter((name) => !signer.leaveOut?.includes(name))
    .sort();
  const { scope, signature } = seal({ method, path, query, headers, names, bodyHash, date }, signer);
  headers.authorization = `AWS4-HMAC-SHA256 Credential=${signer.accessKeyId}/${scope}, SignedHeaders=${names.join(";")}, Signature=${signature}`;
  return { method, path, query, headers, body };
}

/** In the query. */
export function presign(request: Unsigned, signer: Signer & { readonly expires?: number | string }): Signed {
  const { method = "GET", path = "/", query = "", body = "" } = request;
  const date = stamp(signer.now ?? Date.now());
  const headers = { host: "127.0.0.1", ...request.headers };
  const names = Object.keys(headers)
    .filter((name) => !signer.leaveOut?.includes(name))
    .sort();
  const bodyHash = signer.payload ?? (signer.service === "s3" ? "UNSIGNED-PAYLOAD" : sha256(body));
  const parameters = {
    "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
    "X-Amz-Credential": `${signer.accessKeyId}/${scopeOf(date, signer)}`,
    "X-Amz-Date": date,
    "X-Amz-Expires": String(signer.expires ?? 900),
    "X-Amz-SignedHeaders": names.join(";"),
    ...(signer.sessionToken !== undefined && { "X-Amz-Security-Token": signer.sessionToken }),
  };
  const full = [query, ...Object.entries(parameters).map(([name, value]) => `${name}=${encode(value)}`)]
    .filter(Boolean)
    .join("&");
  const { signature } = seal({ method, path, query: full, headers, names, bodyHash, date }, signer);
  return { method, path, query: `${full}&X-Amz-Signature=${signature}`, headers, body };
}

const scopeOf = (date: string, { day, service }: Signer) =>
  `${day ?? date.slice(0, 8)}/us-east-1/${service}/aws4_request`;

interface Canonical {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly names: readonly string[];
  readonly bodyHash: string;
  readonly date: string;
}

function seal(
  { method, path, query, headers, names, bodyHash, date }: Canonical,
  signer: Signer,
): { scope: string; signature: string } {
  const parameters = query
    .split("&")
    .filter(Boolean)
    .map((pair) => pair.split("="))
    .map(([name = "", value = ""]) => [name, value] as const);
  const sorted = parameters
    .sort(([a, x], [b, y]) => (a === b ? (x < y ? -1 : 1) : a < b ? -1 : 1))
    .map((pair) => pair.join("="));
  const resource = signer.service === "s3" ? path : path.split("/").map(encode).join("/");
  const canonical = [
    method,
    resource,
    sorted.join("&"),
    ...names.map((name) => `${name}:${headers[name]?.trim()}`),
    "",
    names.join(";"),
    bodyHash,
  ].join("\n");
  const scope = scopeOf(date, signer);
  const [day = "", region = "", service = ""] = scope.split("/");
  const key = hmac(hmac(hmac(hmac(`AWS4${signer.secretAccessKey}`, day), region), service), "aws4_request");
  return {
    scope,
    signature: hmac(key, ["AWS4-HMAC-SHA256", date, scope, sha256(canonical)].join("\n")).toString("hex"),
  };
}
