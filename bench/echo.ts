import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { RequestSigner } from "../src/cli/sign-request.ts";
import { ENDPOINT, type Subject } from "./subject.ts";

/** What node:http writes of its own accord. */
const OF_NODE = new Set(["date", "connection", "keep-alive", "transfer-encoding"]);

/** The bare server's process, answering what the subject answers. */
export class Echo implements AsyncDisposable {
  readonly url: string;
  readonly pid: number;
  readonly #child: ChildProcess;

  private constructor(url: string, child: ChildProcess) {
    this.url = url;
    this.pid = child.pid!;
    this.#child = child;
  }

  /** Asks the subject once to learn headers and body of its answer. */
  static async of({ connection }: Subject, row: string): Promise<Echo> {
    const url = new URL(`${connection.url}/endpoints/${ENDPOINT}/invocations`);
    const headers = new RequestSigner(connection).headers(
      { method: "POST", url, body: row, headers: { "content-type": "text/csv" } },
      new Date(),
    );
    delete headers["host"];
    const answer = await fetch(url, { method: "POST", headers, body: row });
    const body = Buffer.from(await answer.arrayBuffer());
    if (!answer.ok) throw new Error(`The endpoint answered ${answer.status}: ${body.toString()}`);
    const kept = [...answer.headers].filter(([name]) => !OF_NODE.has(name));
    return Echo.start({ ...Object.fromEntries(kept), "content-length": String(body.length) }, body);
  }

  static async start(
    headers: Readonly<Record<string, string>> = {},
    body: Buffer = Buffer.from("ok"),
  ): Promise<Echo> {
    const file = fileURLToPath(new URL("./echo-server.ts", import.meta.url));
    const answer = JSON.stringify({ headers, body: body.toString("base64") });
    const child = spawn(process.execPath, [file, answer], { stdio: ["ignore", "pipe", "inherit"] });
    const [url] = (await once(createInterface(child.stdout), "line")) as [string];
    return new Echo(url, child);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const exited = once(this.#child, "exit");
    this.#child.kill();
    await exited;
  }
}
