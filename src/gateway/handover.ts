/**
 * Requests that a gateway has proven, handed over to control as frames: those of one turn of the event loop leave in one
 * write, and their answers come back in one. Whether they are right, and all that follows, is control's to say.
 */
import { type FrameCaller, FrameServer } from "../base/frame-server.ts";
import { FrameError, headOf, textsOf } from "../base/frames.ts";
import type { Log } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import { FramedLink } from "../dataplane/framed-link.ts";
import type { Principal } from "../wire/credentials.ts";
import { PlainRequest } from "../wire/fast-path/plain-exchange.ts";
import { type HttpResponse, wholeBody } from "../wire/http.ts";
import type { ProvenRequests } from "../wire/server.ts";
import { unavailable } from "./refusal.ts";

export interface HandoverOptions {
  /** Where control's HandoverServer listens. */
  readonly socketPath: string;
  readonly random: Random;
  readonly log: Log;
}

/** A gateway's end. Undefined where control can not be reached: then the request was not sent. */
export interface Handover {
  answerProven(request: PlainRequest, caller: Principal): Promise<HttpResponse | undefined>;
}

/** What of a request's fields is its operation's; the others were about its signature and its connection. */
const FIELD = "x-amzn-sagemaker-";

export class FramedHandover implements Handover, Disposable {
  readonly #options: HandoverOptions;
  readonly #link: FramedLink;

  constructor(options: HandoverOptions) {
    this.#options = options;
    this.#link = new FramedLink(options.socketPath);
  }

  answerProven(request: PlainRequest, caller: Principal): Promise<HttpResponse | undefined> {
    const headers = [CALLER, JSON.stringify(caller)];
    for (const name in request.headers)
      if (name.startsWith(FIELD)) headers.push(name, request.headers[name]!);
    const { method, path, bytes } = request;
    return new Promise((resolve) => {
      const answer: HttpResponse = { status: 0, headers: {} };
      const parts: Uint8Array[] = [];
      this.#link.send(
        { method, path, headers, body: bytes },
        {
          onHead(status, fields) {
            answer.status = status;
            answer.headers = fields as Record<string, string>;
          },
          onData: (part) => void parts.push(part),
          onEnd() {
            answer.body = parts.length === 1 ? parts[0] : Buffer.concat(parts);
            resolve(answer);
          },
          onFailure: (sent, reason) => resolve(sent ? this.#lost(request, reason) : undefined),
        },
      );
    });
  }

  #lost(request: PlainRequest, reason: string): HttpResponse {
    const { log, random } = this.#options;
    const requestId = random.uuid();
    const why = "The server is restarting, and may or may not have done this.";
    log.warn("A request could not be passed on.", { requestId, why, error: reason });
    return unavailable(request, why, requestId);
  }

  [Symbol.dispose](): void {
    this.#link.close();
  }
}

/** Whom the gateway has proven, as a field beside those of the request. */
const CALLER = "caller";

interface Answer {
  readonly head: string;
  readonly body: Buffer;
}

/** Control's end. */
export class HandoverServer implements AsyncDisposable {
  readonly #frames: FrameServer<Answer>;

  constructor(control: ProvenRequests, log: Log) {
    this.#frames = new FrameServer<Answer>({
      ask: (head, body, caller) => ask(control, head, body, caller),
      headOf: ({ head }) => head,
      gone: { head: headOf(["499"])!, body: Buffer.alloc(0) },
      log: (line) => log.warn(line),
    });
  }

  listen(path: string): Promise<void> {
    return this.#frames.listen(path);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#frames.close();
  }
}

function ask(control: ProvenRequests, head: string, bytes: Buffer, caller: FrameCaller<Answer>): void {
  const [, path, name, principal, ...fields] = textsOf(head);
  if (path === undefined || name !== CALLER || principal === undefined)
    throw new FrameError("a request without its caller");
  const headers: Record<string, string> = Object.create(null);
  for (let at = 0; at < fields.length; at += 2) headers[fields[at]!] = fields[at + 1]!;
  // it does not reject: whatever comes of the request is an answer
  void control
    .answerProven(new PlainRequest(path, headers, bytes), JSON.parse(principal) as Principal)
    .then(({ status, headers: fields, body }) =>
      caller.answer({
        head: headOf([String(status), ...Object.entries(fields).flat()])!,
        body: wholeBody(body),
      }),
    );
}
