import { hash } from "node:crypto";
import { RequestSigner, type Signer } from "../../src/cli/sign-request.ts";

/** What requests are made of that differ in their bodies only. */
export interface RequestPlan {
  readonly url: string;
  readonly path: string;
  readonly bodies: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
  readonly signer: Signer;
}

/** The bytes of each request. A signature holds for 15 minutes, far longer than a measurement takes. */
export function signedRequests({ url, path, bodies, headers, signer: keys }: RequestPlan): Buffer[] {
  const target = new URL(path, url);
  const signer = new RequestSigner(keys);
  const now = new Date();
  return bodies.map((body) => {
    const all = signer.headers(
      {
        method: "POST",
        url: target,
        body,
        headers: { ...headers, "x-amz-content-sha256": hash("sha256", body, "hex") },
      },
      now,
    );
    const lines = Object.entries({ ...all, "content-length": String(Buffer.byteLength(body)) });
    return Buffer.from(
      `POST ${target.pathname} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n${body}`,
    );
  });
}
