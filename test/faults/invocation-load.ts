import { Agent, request } from "node:http";
import { RequestSigner } from "../../src/cli/sign-request.ts";
import type { RunningServer } from "../../src/main.ts";
import { type RefusedInvocation, sdkError } from "./sdk-error.ts";

/** An answer that was not as expected, or none. */
interface Failure {
  /** `424 ModelError: words`, or the code of what befell the connection. */
  readonly what: string;
  /** A connection that was made for this request. */
  readonly fresh: boolean;
  /** When, on the clock of `performance.now`. */
  readonly at: number;
}

interface LoadOptions {
  /** Callers that keep their connection. */
  readonly kept: number;
  /** Callers that make one for each request. */
  readonly fresh: number;
  /** What every answer looks like. */
  readonly expected?: RegExp;
}

/**
 * Invocations in closed loops, without retries. Every answer is looked at, and every refusal read by the AWS SDK: it must
 * be an error that is documented, with words.
 */
export class InvocationLoad {
  answered = 0;
  /** When the last answer to a connection made for it came. */
  lastFreshAt = 0;
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
    { kept, fresh, expected = /./ }: LoadOptions,
  ) {
    this.#server = server;
    this.#path = `/endpoints/${endpoint}/invocations`;
    this.#body = body;
    this.#expected = expected;
    this.#callers = [
      ...Array.from({ length: kept }, () => this.#call(new Agent({ keepAlive: true, maxSockets: 1 }))),
      ...Array.from({ length: fresh }, () => this.#call(undefined)),
    ];
    // whoever stops the load hears of it
    for (const caller of this.#callers) caller.catch(() => (this.#stopped = true));
  }

  /** What failed, without the rest. */
  get causes(): string[] {
    return this.failures.map(({ what }) => what);
  }

  /** Resolves when so many more were answered. */
  async more(count: number): Promise<void> {
    const goal = this.answered + count;
    while (this.answered < goal && !this.#stopped) await pause(5);
  }

  /** Resolves when every caller has its last answer. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#callers);
  }

  async #call(agent: Agent | undefined): Promise<void> {
    const signer = new RequestSigner(this.#server);
    const fresh = agent === undefined;
    while (!this.#stopped) {
      const answer = await this.#send(signer, agent);
      if (typeof answer !== "string" && answer.status === 200 && this.#expected.test(answer.body)) {
        this.answered++;
        if (fresh) this.lastFreshAt = performance.now();
        continue;
      }
      const what =
        typeof answer === "string"
          ? answer
          : answer.status === 200
            ? `200 ${answer.body.slice(0, 200)}`
            : `${answer.status} ${await sdkError(answer)}`;
      this.failures.push({ what, fresh, at: performance.now() });
      // A server that is down must not be asked without end.
      await pause(20);
    }
    agent?.destroy();
  }

  /** The answer, or what befell the connection. */
  #send(signer: RequestSigner, agent: Agent | undefined): Promise<RefusedInvocation | string> {
    const url = new URL(this.#path, this.#server.url);
    const headers = signer.headers(
      { method: "POST", url, headers: { "content-type": "text/csv" }, body: this.#body },
      new Date(),
    );
    return new Promise((resolve) => {
      const sent = request(url, { method: "POST", agent: agent ?? false, headers }, (response) => {
        let body = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => (body += chunk));
        response.on("error", (error) => resolve(error.message));
        response.on("end", () =>
          resolve({
            status: response.statusCode!,
            headers: response.headers as Record<string, string>,
            body,
          }),
        );
      });
      sent.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
      sent.end(this.#body);
    });
  }
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
