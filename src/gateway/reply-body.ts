/** Writing to clients that may be slow, or gone. */
import type { ServerResponse } from "node:http";

/** A client that takes nothing for so long is cut. */
const STALLED_MS = 60_000;

/** Below this, a copied body costs less than a second buffer in the system call; the two are even at 4 KiB. */
const JOINED = 1024;

/** Ends the reply with bytes; a client that stops reading them is cut. */
export function endReply(reply: ServerResponse, bytes: Buffer): void {
  // node:http writes its head and a latin1 string as one; any byte is a latin1 character
  if (bytes.length <= JOINED) reply.end(bytes.toString("latin1"), "latin1");
  else reply.end(bytes);
  if (reply.writableNeedDrain) cutWhenStalled(reply);
}

/** Passes a stream on as fast as the client reads it. Ends early when the client is gone; rejects as the stream does. */
export async function pipeReply(reply: ServerResponse, body: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const chunk of body) {
    if (reply.destroyed) return;
    if (!reply.write(chunk)) await drained(reply);
  }
  reply.end();
}

function drained(reply: ServerResponse): Promise<void> {
  cutWhenStalled(reply);
  return new Promise((resolve) => {
    const go = () => {
      reply.off("drain", go).off("close", go).setTimeout(0);
      resolve();
    };
    reply.on("drain", go).on("close", go);
  });
}

/** Sockets that nobody listens to for timeouts are destroyed by node:http; bytes that leave put it off. */
function cutWhenStalled(reply: ServerResponse): void {
  reply.setTimeout(STALLED_MS);
}
