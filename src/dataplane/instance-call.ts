/** One invocation of an instance, both ways as a stream: nothing of input or answer is held here. */
import type { ClientRequest, IncomingMessage } from "node:http";
import type { Clock } from "../base/clock.ts";
import { request as httpRequest } from "../base/node-http.ts";
import type { InstanceAddress } from "./routing-table.ts";

export interface InstanceCall {
  readonly address: InstanceAddress;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: AsyncIterable<Uint8Array>;
  /** Absent where it is not known: the body goes in chunks. */
  readonly length?: number;
  readonly signal: AbortSignal;
}

/**
 * A server that refuses a length closes the connection, and whoever still writes to it then may never read why: so
 * a long body waits for a moment behind its head.
 */
const LARGE = 1024 ** 2;
const LOOK_MS = 20;

/** The beginning of an answer. The body throws where the answer breaks off. */
export interface InstanceAnswer {
  readonly status: number;
  readonly contentType: string | undefined;
  readonly body: AsyncIterable<Uint8Array>;
}

/** The instance refused the connection, or broke it: `reached` tells whether it may have seen the request. */
export class InstanceBroke extends Error {
  override readonly name = "InstanceBroke";
  readonly reached: boolean;
  constructor(message: string, reached: boolean) {
    super(message);
    this.reached = reached;
  }
}

/** The input could not be read to its end. */
export class InputBroke extends Error {
  override readonly name = "InputBroke";
}

/** Resolves with the head of the answer; rejects with InstanceBroke, InputBroke or the signal's reason. */
export type CallInstance = (call: InstanceCall) => Promise<InstanceAnswer>;

/** Calls over HTTP, with a connection of its own for each: a kept one may close as it is used. */
export const instanceCaller =
  (clock: Clock): CallInstance =>
  ({ address, headers, body, length, signal }) => {
    const place =
      address.kind === "unix" ? { socketPath: address.path } : { host: address.host, port: address.port };
    return new Promise((resolve, reject) => {
      const request = httpRequest({
        ...place,
        method: "POST",
        path: "/invocations",
        agent: false,
        headers: {
          host: "localhost",
          ...headers,
          ...(length === undefined ? { "transfer-encoding": "chunked" } : { "content-length": length }),
        },
        signal,
      });
      let reached = false;
      let refused = false;
      let inputFailure: InputBroke | undefined;
      request.once("socket", (socket) => socket.once("connect", () => (reached = true)));
      request.once("response", (answer) => {
        const status = answer.statusCode!;
        refused = status >= 400;
        resolve({
          status,
          contentType: answer.headers["content-type"],
          body: bytesOf(answer, request, () => inputFailure),
        });
      });
      // once there is an answer, what becomes of that counts
      request.on("error", (error) => reject(inputFailure ?? new InstanceBroke(error.message, reached)));
      void (async () => {
        try {
          request.flushHeaders();
          if (length === undefined || length > LARGE) await answeredWithin(request, clock, LOOK_MS);
          for await (const chunk of body) {
            if (request.destroyed || refused) return;
            if (!request.write(chunk)) await writable(request);
          }
          request.end();
        } catch (error) {
          inputFailure = new InputBroke((error as Error).message, { cause: error });
          request.destroy(inputFailure);
        }
      })();
    });
  };

/** A server may answer while it still reads, or without reading all: with its answer's end the request ends. */
async function* bytesOf(
  answer: IncomingMessage,
  request: ClientRequest,
  inputFailure: () => InputBroke | undefined,
): AsyncGenerator<Uint8Array> {
  try {
    yield* answer as AsyncIterable<Uint8Array>;
  } catch (error) {
    throw inputFailure() ?? new InstanceBroke((error as Error).message, true);
  } finally {
    request.destroy();
  }
}

function answeredWithin(request: ClientRequest, clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      cancel();
      request.off("response", done).off("close", done);
      resolve();
    };
    const cancel = clock.after(ms, done);
    request.on("response", done).on("close", done);
  });
}

function writable(request: ClientRequest): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      request.off("drain", done).off("close", done);
      resolve();
    };
    request.on("drain", done).on("close", done);
  });
}

/** The beginning of an answer that is told on, or as much of it as came before it broke off. */
export async function firstBytes(body: AsyncIterable<Uint8Array>, limit: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of body) {
      chunks.push(chunk);
      if ((size += chunk.byteLength) >= limit) break;
    }
  } catch (error) {
    if (!(error instanceof InstanceBroke)) throw error; // what it said until then is better than nothing
  }
  return Buffer.concat(chunks).subarray(0, limit);
}
