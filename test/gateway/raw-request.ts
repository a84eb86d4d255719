/** Requests as bytes, for what no client would send. */
import { connect } from "node:net";
import { RequestSigner } from "../../src/cli/sign-request.ts";
import { ACCOUNT, KEYS } from "./test-gateway.ts";

export interface SignOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  readonly secretAccessKey?: string;
  readonly now?: Date;
}

/** Headers that sign a request with the tests' key, or with another secret. */
export function signed(url: URL, options: SignOptions = {}): Record<string, string> {
  const { method = "POST", headers = {}, body = "", secretAccessKey = KEYS.secretAccessKey } = options;
  const { now = new Date() } = options;
  const signer = new RequestSigner({ ...KEYS, secretAccessKey, region: ACCOUNT.region });
  return signer.headers({ method, url, headers, body }, now);
}

/** The head of a request as it goes over the wire. */
export function head(method: string, target: string, headers: Readonly<Record<string, string>>): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${target} HTTP/1.1\r\n${lines.join("")}\r\n`;
}

/** Sends bytes and resolves with all that comes back until the connection closes. */
export function exchange(port: number, ...parts: (string | Uint8Array)[]): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    const chunks: Buffer[] = [];
    socket.on("data", (chunk: Buffer) => chunks.push(chunk));
    socket.on("error", () => {});
    socket.on("close", () => resolve(Buffer.concat(chunks).toString("latin1")));
    for (const part of parts) socket.write(part);
  });
}
