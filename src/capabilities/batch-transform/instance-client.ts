/** Requests of a job to its instances, whole on both ways, over connections that are kept. */
import type { Clock } from "../../base/clock.ts";
import { Deadlines } from "../../dataplane/deadlines.ts";
import { HttpLink, KEEP_ALIVE_MS } from "../../dataplane/http-link.ts";
import { InstanceBroke } from "../../dataplane/instance-call.ts";
import type { InstanceLink, InstanceRequest } from "../../dataplane/instance-link.ts";
import type { InstanceRoute } from "../../dataplane/routing-table.ts";

export interface Reply {
  readonly status: number;
  readonly contentType: string | undefined;
  readonly body: Buffer;
}

/** The model took too long. */
export class NoAnswer extends Error {
  override readonly name = "NoAnswer";
}

/** The model's answer is longer than what is held of one. */
export class AnswerTooLong extends Error {
  override readonly name = "AnswerTooLong";
}

/** Rejects with InstanceBroke, NoAnswer, AnswerTooLong or the signal's reason. */
export type AskInstance = (
  instance: InstanceRoute,
  request: InstanceRequest,
  timeoutMs: number,
  signal: AbortSignal,
) => Promise<Reply>;

/** AWS's limit of a payload, for the way back. */
export const ANSWER_LIMIT = 100 * 1024 ** 2;

export class InstanceClient implements Disposable {
  readonly #clock: Clock;
  readonly #deadlines: Deadlines;
  readonly #links = new Map<string, InstanceLink>();

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#deadlines = new Deadlines(clock);
  }

  readonly ask: AskInstance = (instance, request, timeoutMs, signal) => {
    const { promise, resolve, reject } = Promise.withResolvers<Reply>();
    if (signal.aborted) return Promise.reject(signal.reason as Error);
    const chunks: Uint8Array[] = [];
    let size = 0;
    let status = 0;
    let contentType: string | undefined;
    const giveUp = (error: Error) => {
      exchange.abort();
      reject(error);
    };
    const exchange = this.#link(instance).send(request, {
      onHead(code, { "content-type": type }) {
        status = code;
        contentType = typeof type === "string" ? type : undefined;
      },
      onData(chunk) {
        chunks.push(chunk);
        if ((size += chunk.byteLength) > ANSWER_LIMIT)
          giveUp(new AnswerTooLong(`has more than ${ANSWER_LIMIT} bytes`));
      },
      onEnd: () => resolve({ status, contentType, body: Buffer.concat(chunks, size) }),
      onFailure: (sent, reason) => reject(new InstanceBroke(reason, sent)),
    });
    const abort = () => giveUp(signal.reason as Error);
    signal.addEventListener("abort", abort);
    const cancel = this.#clock.after(timeoutMs, () => giveUp(new NoAnswer("no answer in time")));
    return promise.finally(() => {
      cancel();
      signal.removeEventListener("abort", abort);
    });
  };

  [Symbol.dispose](): void {
    for (const link of this.#links.values()) link.close();
    this.#links.clear();
    this.#deadlines[Symbol.dispose]();
  }

  #link({ address }: InstanceRoute): InstanceLink {
    const key = JSON.stringify(address);
    let link = this.#links.get(key);
    if (!link) this.#links.set(key, (link = new HttpLink(address, this.#deadlines.after(KEEP_ALIVE_MS))));
    return link;
  }
}
