import { fileURLToPath } from "node:url";
import { RequestSigner } from "../src/cli/sign-request.ts";
import { BareServer } from "./bare-server.ts";
import type { Target } from "./compare.ts";

/** What node:http writes of its own accord. */
const OF_NODE = new Set(["date", "connection", "keep-alive", "transfer-encoding"]);

/** The bare server's process, answering what a target answers. */
export class Echo implements AsyncDisposable {
  readonly #server: BareServer;

  private constructor(server: BareServer) {
    this.#server = server;
  }

  get pid(): number {
    return this.#server.pid;
  }

  get url(): string {
    return this.#server.url;
  }

  /** Asks the target once to learn headers and body of its answer. */
  static async of({ url: base, path, headers: given, bodies, signer }: Target): Promise<Echo> {
    const url = new URL(path, base);
    const body = bodies[0]!;
    const headers = signer
      ? new RequestSigner(signer).headers({ method: "POST", url, body, headers: given }, new Date())
      : { ...given };
    delete headers["host"];
    const answer = await fetch(url, { method: "POST", headers, body: body as string });
    const answered = Buffer.from(await answer.arrayBuffer());
    if (!answer.ok) throw new Error(`${path} answered ${answer.status}: ${answered.toString()}`);
    const kept = [...answer.headers].filter(([name]) => !OF_NODE.has(name));
    return Echo.start({ ...Object.fromEntries(kept), "content-length": String(answered.length) }, answered);
  }

  static async start(
    headers: Readonly<Record<string, string>> = {},
    body: Buffer = Buffer.from("ok"),
  ): Promise<Echo> {
    const file = fileURLToPath(new URL("./echo-server.ts", import.meta.url));
    return new Echo(await BareServer.start(file, JSON.stringify({ headers, body: body.toString("base64") })));
  }

  /** The same requests, to this server. */
  target(target: Target): Target {
    return { ...target, url: this.url, pids: () => [this.pid] };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
  }
}
