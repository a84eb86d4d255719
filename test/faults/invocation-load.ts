import { Agent, request } from "node:http";
import { RequestSigner } from "../../src/cli/sign-request.ts";
import type { RunningServer } from "../../src/main.ts";

/** An answer that was not 200, or none. */
interface Failure {
  readonly what: string;
  /** A connection that was made for this request. */
  readonly fresh: boolean;
}

/**
 * Invocations in closed loops, without retries: some callers keep their connection, the others make one for each
 * request. Every answer is looked at.
 */
export class InvocationLoad {
  answered = 0;
  readonly failures: Failure[] = [];
  readonly #server: RunningServer;
  readonly #path: string;
  readonly #body: string;
  readonly #expected: RegExp;
  readonly #callers: Promise<void>[];
  #stopped = false;

  constructor(
    server: RunningServer,
    endpoint: string,
    body: string,
    { kept, fresh, expected = /./ }: { kept: number; fresh: number; expected?: RegExp },
  ) {
    this.#server = server;
    this.#path = `/endpoints/${endpoint}/invocations`;
    this.#body = body;
    this.#expected = expected;
    this.#callers = [
      ...Array.from({ length: kept }, () => this.#call(new Agent({ keepAlive: true, maxSockets: 1 }))),
      ...Array.from({ length: fresh }, () => this.#call(undefined)),
    ];
  }

  /** Resolves when so many more were answered. */
  async more(count: number): Promise<void> {
    const goal = this.answered + count;
    while (this.answered < goal && !this.#stopped) await new Promise((resolve) => setTimeout(resolve, 5));
  }

  /** Resolves when every caller has its last answer. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#callers);
  }

  async #call(agent: Agent | undefined): Promise<void> {
    const url = new URL(this.#path, this.#server.url);
    const signer = new RequestSigner(this.#server);
    while (!this.#stopped) {
      const failure = await new Promise<string | undefined>((resolve) => {
        const headers = signer.headers(
          { method: "POST", url, headers: { "content-type": "text/csv" }, body: this.#body },
          new Date(),
        );
        const sent = request(url, { method: "POST", agent: agent ?? false, headers }, (response) => {
          let text = "";
          response.setEncoding("utf8");
          response.on("data", (chunk: string) => (text += chunk));
          response.on("error", (error) => resolve(error.message));
          response.on("end", () =>
            resolve(
              response.statusCode === 200 && this.#expected.test(text)
                ? undefined
                : `${response.statusCode} ${text.slice(0, 200)}`,
            ),
          );
        });
        sent.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
        sent.end(this.#body);
      });
      if (failure === undefined) this.answered++;
      else {
        this.failures.push({ what: failure, fresh: agent === undefined });
        // A server that is down must not be asked without end.
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
    agent?.destroy();
  }
}
