import type { Principal } from "./credentials.ts";
import type { HttpRequest } from "./http.ts";

export type { Principal } from "./credentials.ts";

/** What a handler is told about the call besides its input. */
export interface Context {
  readonly request: HttpRequest;
  readonly requestId: string;
  readonly caller: Principal;
  /** Checksums that follow a chunked body: complete once the body is read. */
  readonly trailers: ReadonlyMap<string, string>;
  /** Aborts when the client goes away before it has its answer. */
  readonly signal: AbortSignal;
}
