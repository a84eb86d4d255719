/** The body of an invocation, read whole and never longer than it may be. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { DeadlineList } from "../dataplane/deadlines.ts";
import { Fault, Gathered, tooLarge } from "../wire/http.ts";

/** Above this, a body of known length gets its buffer at once; below, the chunks are as good as one. */
const PREALLOCATE = 64 * 1024;

/** Thrown when the client leaves in the middle of its request. */
export class ClientLeft extends Error {
  override readonly name = "ClientLeft";
}

/**
 * Rejects with the 413 of AWS at the first byte above the limit (before any, when the length was announced), and with a
 * 408 when the deadline passes before the last byte.
 */
export function readRequestBody(
  message: IncomingMessage,
  reply: ServerResponse,
  limit: number,
  deadlines: DeadlineList,
): Promise<Buffer> {
  const length = Number(message.headers["content-length"] ?? Number.NaN);
  if (length > limit) return Promise.reject(tooLarge(limit));
  if (length === 0) return Promise.resolve(NOTHING);
  if (message.headers.expect !== undefined && !reply.headersSent) reply.writeContinue();
  return new Promise((resolve, reject) => {
    let size = 0;
    let whole = length > PREALLOCATE ? Buffer.allocUnsafe(length) : undefined;
    let gathered = new Gathered();
    const onData = (chunk: Buffer): void => {
      const at = size;
      size += chunk.length;
      if (size > limit) {
        message.off("data", onData);
        whole = undefined;
        gathered = new Gathered();
        reject(tooLarge(limit));
      } else if (whole) whole.set(chunk, at);
      else gathered.add(chunk);
    };
    let ended = false;
    const deadline = { expiresAt: 0, expire: () => reject(new Fault("RequestTimeout", TOO_SLOW, 408)) };
    deadlines.set(deadline);
    message.on("data", onData);
    message.on("end", () => {
      ended = true;
      deadlines.clear(deadline);
      resolve(whole ?? gathered.bytes());
    });
    message.on("close", () => {
      deadlines.clear(deadline);
      if (!ended) reject(new ClientLeft());
    });
    message.on("error", reject);
  });
}

const TOO_SLOW = "The body did not arrive in time.";
const NOTHING = Buffer.alloc(0);
