/**
 * The runtime API on the data plane. The life of an invocation is the list in `#invoke`:
 * host -> signature -> input -> body -> proof -> data plane -> answer. Everything else is the dispatcher's.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Account } from "../base/arn.ts";
import type { Clock } from "../base/clock.ts";
import { EventLoopWatch } from "../base/event-loop.ts";
import type { Log } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import { type DataPlane, type Invocation, StreamFailure } from "../dataplane/data-plane.ts";
import { DeadlineList } from "../dataplane/deadlines.ts";
import type { Outcome } from "../dataplane/outcome.ts";
import type { Credentials, Principal } from "../wire/credentials.ts";
import { Denial, denialFault } from "../wire/denial.ts";
import type { PlainExchange, PlainService } from "../wire/fast-path/plain-exchange.ts";
import { Hosts } from "../wire/hosts.ts";
import { type HttpRequest, receive, wholeBody } from "../wire/http.ts";
import { INVOCATION_LIMIT } from "../wire/limits.ts";
import { failure } from "../wire/protocol.ts";
import { authenticate, type Dispatcher } from "../wire/server.ts";
import { sha256, type Signature } from "../wire/sigv4.ts";
import { type Answered, endAnswer, passOn, replyPlain, STALL_MS, streamEvents } from "./answers.ts";
import { ClientGone } from "./client-gone.ts";
import { containerPath } from "./container-path.ts";
import type { Handover } from "./handover.ts";
import { type InvocationInput, readInvocationInput } from "./invocation-input.ts";
import { type InvocationTarget, invocationTarget } from "./invocation-target.ts";
import { outcomeError } from "./outcome-errors.ts";
import { ClientLeft, readRequestBody } from "./request-body.ts";
import { REST_JSON, RUNTIME, RuntimeError } from "./runtime-service.ts";

export interface GatewayOptions {
  readonly dataPlane: DataPlane;
  /** Answers all that is not an invocation. */
  readonly dispatcher: Dispatcher;
  /** The short way there for asynchronous invocations that came whole. */
  readonly handover?: Handover;
  readonly credentials: Credentials;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly account: Account;
  /** Host names besides loopback's. */
  readonly allowedHosts: readonly string[];
  /** Origins of web pages that may send requests. */
  readonly allowedOrigins?: readonly string[];
  /** Where the links to logs in errors lead; AWS's console unless said otherwise. */
  readonly consoleUrl?: string;
  /** How long the body of an invocation may take to arrive. */
  readonly bodyTimeoutMs?: number;
}

/** Its plain side answers invocations that came whole, past node:http. */
export interface Gateway extends Disposable, PlainService {
  /** Answers one request; never rejects. */
  handle(message: IncomingMessage, reply: ServerResponse): Promise<void>;
}

/** The entry for all requests of a process that serves endpoints. */
export function createGateway(options: GatewayOptions): Gateway {
  return new RuntimeGateway(options);
}

/** A refused client may go on sending for so long, so that it gets to read why. */
const LINGER_MS = 2000;
const BODY_MS = 65_000;
/** Invocations of one answer, with nothing in the path that would have to be decoded. */
const PLAIN = /^\/endpoints\/[A-Za-z0-9-]{1,63}\/invocations$/;
const PLAIN_ASYNC = /^\/endpoints\/[A-Za-z0-9-]{1,63}\/async-invocations$/;
const TOO_BUSY = "The server is too busy to take this request. Try again later.";

class RuntimeGateway implements Gateway {
  readonly #options: GatewayOptions;
  readonly #hosts: Hosts;
  readonly #consoleUrl: string;
  readonly #bodyDeadlines: DeadlineList;
  readonly #eventLoop: EventLoopWatch;

  constructor(options: GatewayOptions) {
    this.#options = options;
    this.#hosts = new Hosts(options.allowedHosts, options.allowedOrigins);
    this.#bodyDeadlines = new DeadlineList(options.clock, options.bodyTimeoutMs ?? BODY_MS);
    this.#eventLoop = new EventLoopWatch(options.clock);
    this.#consoleUrl = options.consoleUrl ?? `https://${options.account.region}.console.aws.amazon.com`;
  }

  async handle(message: IncomingMessage, reply: ServerResponse): Promise<void> {
    const target = invocationTarget(message.method, message.url);
    if (!target) return this.#options.dispatcher.handle(message, reply);
    const requestId = this.#options.random.uuid();
    try {
      await this.#invoke(target, message, reply, requestId);
    } catch (error) {
      this.#fail(error as Error, message, reply, requestId);
    }
  }

  takes(target: string): boolean {
    return PLAIN.test(target) || (this.#options.handover !== undefined && PLAIN_ASYNC.test(target));
  }

  async answer(exchange: PlainExchange): Promise<void> {
    const { request } = exchange;
    const target = invocationTarget(request.method, request.path);
    if (!target) return this.#handOver(exchange);
    const { clock, random } = this.#options;
    const receivedAt = clock.monotonic();
    const requestId = random.uuid();
    try {
      const { signature, input } = this.#admit(target, request);
      const body = request.bytes;
      signature.check(sha256(body));
      const { endpoint, targetVariant, headers } = input;
      const { method, path } = target;
      const invocation = {
        endpoint,
        targetVariant,
        method,
        path,
        headers,
        body,
        signal: exchange,
        receivedAt,
      };
      const outcome = await this.#options.dataPlane.invoke(invocation);
      replyPlain(exchange, requestId, this.#answered(outcome, endpoint));
    } catch (error) {
      if (error instanceof ClientLeft || exchange.aborted) return;
      const [status, headers, body] = this.#told(error as Error, requestId);
      exchange.reply(status, Object.entries(headers).flat(), body, STALL_MS);
    }
  }

  /** InvokeEndpointAsync: proven here, and control's from then on. What can not be proven is refused in its words. */
  async #handOver(exchange: PlainExchange): Promise<void> {
    const { request } = exchange;
    let caller: Principal;
    try {
      this.#hosts.admit(request);
      const signature = this.#authenticate(request);
      signature.check(sha256(request.bytes));
      caller = signature.principal;
    } catch {
      return exchange.decline();
    }
    // a host with the name of a bucket in front: another path
    const elsewhere = this.#hosts.pathStyle(request) !== request;
    const answer = elsewhere ? undefined : await this.#options.handover!.answerProven(request, caller);
    if (!answer) return exchange.decline();
    const { status, headers, body } = answer;
    exchange.reply(status, Object.entries(headers).flat(), wholeBody(body), STALL_MS);
  }

  async #invoke(
    target: InvocationTarget,
    message: IncomingMessage,
    reply: ServerResponse,
    requestId: string,
  ): Promise<void> {
    const receivedAt = this.#options.clock.monotonic();
    const gone = new ClientGone(reply);
    const request = receive(message);
    const { signature, input } = this.#admit(target, request);
    const { endpoint, targetVariant, headers } = input;
    const { dataPlane } = this.#options;
    const limit = dataPlane.bodyLimit(endpoint) ?? INVOCATION_LIMIT;
    const body = await readRequestBody(message, reply, limit, this.#bodyDeadlines);
    signature.check(sha256(body));
    const invocation: Invocation = {
      endpoint,
      targetVariant,
      method: target.method,
      path: target.kind === "openai" ? containerPath(target.path, request.rawQuery) : target.path,
      headers,
      body,
      signal: gone,
      receivedAt,
    };
    if (target.kind === "invoke")
      endAnswer(reply, requestId, this.#answered(await dataPlane.invoke(invocation), endpoint));
    else {
      const answered = this.#answered(await dataPlane.invokeStreaming(invocation), endpoint);
      await (target.kind === "stream" ? streamEvents : passOn)(reply, requestId, answered);
    }
  }

  /** All that can be said before the body is looked at. */
  #admit(target: InvocationTarget, request: HttpRequest): { signature: Signature; input: InvocationInput } {
    // with more to do than can be done, everybody would wait for nothing; control's requests are few, and needed then
    if (this.#eventLoop.overloaded) throw new RuntimeError("ServiceUnavailable", TOO_BUSY);
    this.#hosts.admit(request);
    const signature = this.#authenticate(request);
    return { signature, input: readInvocationInput(target, request.headers) };
  }

  #authenticate(request: HttpRequest): Signature {
    if (request.headers["authorization"]?.startsWith("Bearer "))
      throw new Denial("incomplete", "Bearer tokens are not supported here: sign with Signature Version 4.");
    const caller = authenticate(request, this.#options.credentials, this.#options.clock.now());
    if (caller instanceof Denial) throw caller;
    const { signingName } = RUNTIME;
    if (caller.service !== signingName)
      throw new Denial("wrongSignature", `Credential should be scoped to correct service: '${signingName}'.`);
    return caller;
  }

  /** The answer, or the runtime's exception for its lack. */
  #answered<Body>(outcome: Outcome<Body>, endpoint: string): Answered<Body> {
    if (outcome.kind === "answered") return outcome;
    if (outcome.kind === "cancelled") throw new ClientLeft();
    const { account } = this.#options;
    throw outcomeError(outcome, endpoint, { account, consoleUrl: this.#consoleUrl });
  }

  /** Tells the client what went wrong, if it can still be told. */
  #fail(error: Error, message: IncomingMessage, reply: ServerResponse, requestId: string): void {
    if (error instanceof ClientLeft || reply.destroyed) return void reply.destroy();
    // a stream that broke off must not look like one that ended
    if (reply.headersSent) {
      if (!(error instanceof StreamFailure)) this.#report(error, requestId);
      return void reply.destroy();
    }
    const [status, headers, body] = this.#told(error, requestId);
    const head = { ...headers, "content-length": body.length };
    if (message.complete) reply.writeHead(status, head).end(body);
    else {
      reply.writeHead(status, { ...head, connection: "close" }).write(body);
      this.#failEarly(message, reply);
    }
  }

  /** An error as the client gets to hear it: status, headers, body. */
  #told(error: Error, requestId: string): [number, Record<string, string>, Buffer] {
    const told = failure(RUNTIME, error instanceof Denial ? denialFault(error, REST_JSON.dialect) : error);
    if (told.code === "InternalFailure") this.#report(error, requestId);
    const { status, headers, body } = REST_JSON.fail(RUNTIME, told);
    return [status, { ...headers, "x-amzn-RequestId": requestId }, wholeBody(body)];
  }

  /** Ending the reply closes the connection; on a client that is still sending, that could cost it the answer. */
  #failEarly(message: IncomingMessage, reply: ServerResponse): void {
    const end = () => {
      cancel();
      reply.end();
    };
    const cancel = this.#options.clock.after(LINGER_MS, end);
    message.once("close", end).once("end", end).resume();
  }

  #report(error: Error, requestId: string): void {
    this.#options.log.error("An invocation failed unexpectedly.", { requestId, error });
  }

  [Symbol.dispose](): void {
    this.#bodyDeadlines[Symbol.dispose]();
    this.#eventLoop[Symbol.dispose]();
  }
}
