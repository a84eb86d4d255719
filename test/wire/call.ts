import { request } from "node:http";
import type { Signed } from "./sign.ts";

/** An answer, read whole. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly bytes: Buffer;
}

/** Sends a request exactly as it was signed: path, query and Host included. */
export function call(port: number, { method, path, query, headers, body }: Signed): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const target = query ? `${path}?${query}` : path;
    const sent = request(
      {
        port,
        host: "127.0.0.1",
        method,
        path: target,
        headers: { ...headers, "content-length": Buffer.byteLength(body) },
        agent: false,
      },
      (reply) => {
        const chunks: Buffer[] = [];
        reply.on("data", (chunk: Buffer) => chunks.push(chunk));
        reply.on("error", reject);
        reply.on("end", () => {
          const bytes = Buffer.concat(chunks);
          resolve({
            status: reply.statusCode ?? 0,
            headers: reply.headers as Record<string, string>,
            body: bytes.toString(),
            bytes,
          });
        });
      },
    );
    sent.on("error", reject);
    sent.end(body);
  });
}
