/** Tells when a client left before it had its whole answer: what an AbortController would, at a fraction of its cost. */
import type { ServerResponse } from "node:http";
import type { Departure } from "../dataplane/data-plane.ts";

export class ClientGone implements Departure {
  aborted = false;
  #listener: { handleEvent(): void } | undefined;

  constructor(reply: ServerResponse) {
    if (reply.destroyed) this.aborted = true;
    else
      reply.on("close", () => {
        if (reply.writableFinished) return;
        this.aborted = true;
        this.#listener?.handleEvent();
      });
  }

  /** One listener at a time: the data plane's. */
  addEventListener(_type: "abort", listener: { handleEvent(): void }): void {
    this.#listener = listener;
  }

  removeEventListener(_type: "abort", listener: { handleEvent(): void }): void {
    if (this.#listener === listener) this.#listener = undefined;
  }
}
