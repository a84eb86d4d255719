import { createHmac, createSecretKey, hash, type KeyObject } from "node:crypto";

/** Who signs, for which region, and for which service where it is not `sagemaker`. */
export interface Signer {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly region: string;
  readonly service?: string;
}

/** What of a request is signed. The path and query are as they go over the wire. */
export interface Unsigned {
  readonly method: string;
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string;
}

/** Signs requests with Signature Version 4. */
export class RequestSigner {
  readonly #signer: Signer;
  #day: { readonly scope: string; readonly key: KeyObject } | undefined;

  constructor(signer: Signer) {
    this.#signer = signer;
  }

  /** The headers to send: those given, host, x-amz-date and authorization. Path and query must be encoded already. */
  headers({ method, url, headers = {}, body = "" }: Unsigned, now: Date): Record<string, string> {
    const date = now.toISOString().replace(/[-:]|\.\d{3}/g, "");
    const { scope, key } = this.#keyOf(date.slice(0, 8));
    const all: Record<string, string> = { host: url.host, "x-amz-date": date };
    for (const [name, value] of Object.entries(headers)) all[name.toLowerCase()] = value;
    const names = Object.keys(all).sort();
    const canonical = [
      method,
      // All services but S3 sign the path with its escapes escaped once more.
      url.pathname.split("/").map(escape).join("/"),
      url.search.slice(1).split("&").sort().join("&"),
      ...names.map((name) => `${name}:${all[name]?.trim()}`),
      "",
      names.join(";"),
      hash("sha256", body, "hex"),
    ].join("\n");
    const signature = createHmac("sha256", key)
      .update(`AWS4-HMAC-SHA256\n${date}\n${scope}\n${hash("sha256", canonical, "hex")}`)
      .digest("hex");
    const credential = `${this.#signer.accessKeyId}/${scope}`;
    all["authorization"] =
      `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=${names.join(";")}, Signature=${signature}`;
    return all;
  }

  /** The key of one day, derived once. */
  #keyOf(day: string): { readonly scope: string; readonly key: KeyObject } {
    const { region, service = "sagemaker" } = this.#signer;
    const scope = `${day}/${region}/${service}/aws4_request`;
    if (this.#day?.scope === scope) return this.#day;
    let key = Buffer.from(`AWS4${this.#signer.secretAccessKey}`);
    for (const part of scope.split("/")) key = createHmac("sha256", key).update(part).digest();
    this.#day = { scope, key: createSecretKey(key) };
    return this.#day;
  }
}

/** RFC 3986 leaves fewer characters as they are than encodeURIComponent does. */
function escape(segment: string): string {
  return encodeURIComponent(segment).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
