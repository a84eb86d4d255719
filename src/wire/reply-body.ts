/** Writing to clients that may be slow, or gone. */
import type { ServerResponse } from "node:http";

/** Below this, a copied body costs less than a second buffer in the system call; the two are even at 4 KiB. */
const JOINED = 1024;

/**
 * Ends the reply with bytes. A client that takes none of them is cut after `stallMs`, or twice that where node:net finds
 * out only at its second look that nothing has left since the first.
 */
export function endReply(reply: ServerResponse, bytes: Buffer, stallMs: number): void {
  // node:http writes its head and a latin1 string as one; any byte is a latin1 character
  if (bytes.length <= JOINED) reply.end(bytes.toString("latin1"), "latin1");
  else reply.end(bytes);
  cutUnread(reply, stallMs);
}

/**
 * Passes a stream on as fast as the client reads it; one that takes nothing of it is cut likewise. Ends early when
 * the client is gone; rejects as the stream does.
 */
export async function pipeReply(
  reply: ServerResponse,
  body: AsyncIterable<Uint8Array>,
  stallMs: number,
): Promise<void> {
  for await (const chunk of body) {
    if (reply.destroyed) return;
    if (!reply.write(chunk)) await drained(reply, stallMs);
  }
  reply.end();
  cutUnread(reply, stallMs);
}

/** What is left to write of an ended reply; it never needs a drain, as node:http sees it. */
function cutUnread(reply: ServerResponse, stallMs: number): void {
  if (reply.writableLength === 0) return;
  const resume = heedNothing(reply);
  reply.setTimeout(stallMs).once("finish", resume);
}

/** Reads nothing more from the client for now: what it sends would pass for its reading. */
function heedNothing({ socket }: ServerResponse): () => void {
  socket?.pause();
  return () => void socket?.resume();
}

/** Sockets that nobody listens to for timeouts are destroyed by node:http; bytes that leave put it off. */
function drained(reply: ServerResponse, stallMs: number): Promise<void> {
  const resume = heedNothing(reply);
  reply.setTimeout(stallMs);
  return new Promise((resolve) => {
    const go = () => {
      resume();
      reply.off("drain", go).off("close", go).setTimeout(0);
      resolve();
    };
    reply.on("drain", go).on("close", go);
  });
}
