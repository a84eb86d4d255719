/**
 * What is not an invocation, passed on to control as it comes: request and answer are streams, their fields as they
 * were sent, for signatures cover them. While control is not there, requests wait for it.
 */
import type { Agent as HttpAgent, ClientRequest, IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import { Agent, request as httpRequest } from "../base/node-http.ts";
import type { Random } from "../base/random.ts";
import { receive, wholeBody } from "../wire/http.ts";
import type { ListenerLimits } from "../wire/listener.ts";
import type { Dispatcher } from "../wire/server.ts";
import { ControlWait } from "./control-wait.ts";
import { unavailable } from "./refusal.ts";

export interface ForwarderOptions {
  /** Where control listens for HTTP. */
  readonly socketPath: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** How long a request waits for control to be there. */
  readonly patienceMs?: number;
  /** How many requests may wait so at once. */
  readonly maxWaiting?: number;
}

/** Passes requests on; its connections are closed at the end. */
export interface Forwarder extends Dispatcher, Disposable {}

/** Makes the way for requests to control. */
export function createForwarder(options: ForwarderOptions): Forwarder {
  const agent = new Agent({ keepAlive: true, maxFreeSockets: 64, scheduling: "lifo" });
  const control = new ControlWait(options.socketPath, options.clock);
  return {
    handle: (message, reply) =>
      new Promise((resolve) => {
        reply.once("close", resolve);
        new Passage(options, agent, control, message, reply).begin();
      }),
    [Symbol.dispose]() {
      control[Symbol.dispose]();
      agent.destroy();
    },
  };
}

/** For control's listener: what a gateway lets through must not be cut behind it. */
export const FORWARDED_LIMITS: Partial<ListenerLimits> = {
  requestTimeoutMs: 0,
  maxHeaderBytes: 24 << 10,
  maxHeaders: 110,
  maxConnections: 20_000,
};

const PATIENCE_MS = 10_000;
const MAX_WAITING = 1000;
/** A refused client may go on sending for so long, so that it gets to read why. */
const LINGER_MS = 2000;
const MAX_REPEATS = 3;
/** Control's answers are its own; S3's metadata is what makes heads long. */
const MAX_ANSWER_HEAD = 64 << 10;

/** One request on its way. */
class Passage {
  readonly #options: ForwarderOptions;
  readonly #agent: HttpAgent;
  readonly #control: ControlWait;
  readonly #message: IncomingMessage;
  readonly #reply: ServerResponse;
  readonly #hasBody: boolean;
  #upstream: ClientRequest | undefined;
  /** Something of the body has left. */
  #bodyBegun = false;
  /** How often it broke off after it was sent. */
  #broken = 0;
  #stopWaiting: (() => void) | undefined;
  #stopPatience: (() => void) | undefined;

  constructor(
    options: ForwarderOptions,
    agent: HttpAgent,
    control: ControlWait,
    message: IncomingMessage,
    reply: ServerResponse,
  ) {
    this.#options = options;
    this.#agent = agent;
    this.#control = control;
    this.#message = message;
    this.#reply = reply;
    const { "content-length": length = "0", "transfer-encoding": encoding } = message.headers;
    this.#hasBody = encoding !== undefined || length !== "0";
  }

  begin(): void {
    // a client that is gone takes its request with it
    this.#reply.once("close", () => {
      this.#rest();
      if (!this.#reply.writableFinished) this.#upstream?.destroy();
    });
    this.#message.on("error", () => {}); // its close says enough
    this.#send();
  }

  #send(): void {
    const { method = "GET", url = "/" } = this.#message;
    const { socketPath } = this.#options;
    const upstream = httpRequest({
      agent: this.#agent,
      socketPath,
      method,
      path: url,
      headers: requestFields(this.#message, this.#hasBody),
      maxHeaderSize: MAX_ANSWER_HEAD,
    });
    this.#upstream = upstream;
    // node:http drops what is above its own limit silently
    upstream.maxHeadersCount = 0;
    let sent = false;
    const asks = this.#message.headers.expect !== undefined && this.#hasBody;
    upstream.on("socket", (socket: Socket) => {
      const connected = () => {
        sent = true;
        this.#rest();
        if (this.#hasBody && !asks) this.#pipeBody(upstream);
      };
      if (socket.connecting) socket.once("connect", connected);
      else connected();
    });
    upstream.on("continue", () => {
      if (!asks || this.#bodyBegun || this.#reply.headersSent) return;
      this.#reply.writeContinue();
      this.#pipeBody(upstream);
    });
    upstream.on("response", (answer) => this.#answer(answer));
    upstream.on("error", (error) => {
      if (this.#upstream !== upstream || this.#reply.destroyed) return;
      if (sent) this.#broken++;
      // what changes nothing may be asked again; not without end, for it may be what control died of
      const again =
        this.#broken <= MAX_REPEATS && !this.#bodyBegun && (method === "GET" || method === "HEAD");
      if (this.#reply.headersSent) this.#reply.destroy();
      else if (sent && !again)
        this.#refuse("The server is restarting, and may or may not have done this.", error);
      else this.#await(error);
    });
    if (this.#hasBody) upstream.flushHeaders();
    else upstream.end();
  }

  #pipeBody(upstream: ClientRequest): void {
    this.#bodyBegun = true;
    const message = this.#message;
    message.pipe(upstream, { end: false });
    message.once("end", () => {
      if (upstream.destroyed) return;
      upstream.addTrailers(pairs(message.rawTrailers));
      upstream.end();
    });
  }

  /** Control is not there. */
  #await(error: Error): void {
    const { clock, patienceMs = PATIENCE_MS, maxWaiting = MAX_WAITING } = this.#options;
    if (this.#control.waiting >= maxWaiting)
      return this.#refuse("The server is starting, and many requests wait for it.", error);
    this.#stopPatience ??= clock.after(patienceMs, () =>
      this.#refuse("The server did not start in time.", error),
    );
    this.#stopWaiting = this.#control.next(() => this.#send());
  }

  /** Waits for nothing any more. */
  #rest(): void {
    this.#stopWaiting?.();
    this.#stopPatience?.();
    this.#stopWaiting = this.#stopPatience = undefined;
  }

  #answer(answer: IncomingMessage): void {
    const reply = this.#reply;
    if (reply.destroyed || reply.headersSent) return void answer.destroy();
    // control has not read all of the request, and will not
    const closes = !this.#message.complete && answer.headers.connection === "close";
    const chunked = answer.headers["transfer-encoding"] !== undefined;
    try {
      const { statusCode = 500, statusMessage } = answer;
      reply.writeHead(statusCode, statusMessage, answerFields(answer, chunked, closes));
    } catch (error) {
      answer.destroy();
      return this.#refuse("The server's answer could not be passed on.", error as Error);
    }
    // what is told little by little is told at once
    if (answer.headers["content-length"] === undefined) reply.flushHeaders();
    answer.on("error", () => {}); // its close says enough
    answer.once("close", () => {
      if (!answer.complete) reply.destroy();
    });
    answer.once("end", () => {
      if (answer.rawTrailers.length) reply.addTrailers(pairs(answer.rawTrailers));
      if (closes) this.#endLate();
      else reply.end();
    });
    answer.pipe(reply, { end: false });
  }

  #refuse(why: string, error: Error): void {
    const { log, random } = this.#options;
    const reply = this.#reply;
    this.#rest();
    const upstream = this.#upstream;
    this.#upstream = undefined;
    upstream?.destroy();
    if (reply.destroyed || reply.headersSent) return void reply.destroy();
    const requestId = random.uuid();
    log.warn("A request could not be passed on.", { requestId, why, error });
    const { status, headers, body } = unavailable(receive(this.#message), why, requestId);
    const bytes = wholeBody(body);
    const { complete } = this.#message;
    const own = { "content-length": bytes.byteLength, ...(!complete && { connection: "close" }) };
    reply.writeHead(status, { ...headers, ...own });
    if (this.#message.method !== "HEAD") reply.write(bytes);
    if (complete) reply.end();
    else this.#endLate();
  }

  /** Ending the reply closes the connection; on a client that is still sending, that could cost it the answer. */
  #endLate(): void {
    const end = () => {
      cancel();
      this.#reply.end();
    };
    const cancel = this.#options.clock.after(LINGER_MS, end);
    this.#message.unpipe();
    this.#message.once("close", end).once("end", end).resume();
  }
}

/** Fields about the one connection that they came on. */
const OWN_HOP = new Set(["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"]);
/** Methods for which node:http makes up a body where no field tells of one. */
const MAY_HAVE_BODY = /^(?!GET$|HEAD$|DELETE$|OPTIONS$|TRACE$|CONNECT$)/;

function requestFields({ rawHeaders, headers, method = "GET" }: IncomingMessage, hasBody: boolean): string[] {
  const chunked = headers["transfer-encoding"] !== undefined;
  const fields = kept(rawHeaders, chunked);
  if (chunked) fields.push("transfer-encoding", "chunked");
  else if (!hasBody && headers["content-length"] === undefined && MAY_HAVE_BODY.test(method))
    fields.push("content-length", "0");
  return fields;
}

function answerFields({ rawHeaders }: IncomingMessage, chunked: boolean, closes: boolean): string[] {
  const fields = kept(rawHeaders, chunked);
  if (closes) fields.push("connection", "close");
  return fields;
}

/** Names and values by turns; a Trailer field is about a chunked body only. */
function kept(raw: readonly string[], chunked: boolean): string[] {
  const fields: string[] = [];
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at]!.toLowerCase();
    if (!OWN_HOP.has(name) && (chunked || name !== "trailer")) fields.push(raw[at]!, raw[at + 1]!);
  }
  return fields;
}

function pairs(raw: readonly string[]): [string, string][] {
  return Array.from({ length: raw.length / 2 }, (_, at) => [raw[2 * at]!, raw[2 * at + 1]!]);
}
