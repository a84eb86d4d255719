/** The way to one instance, whatever is spoken on it. HTTP today; a framed socket may stand in its place. */

export interface InstanceRequest {
  readonly method: "GET" | "POST";
  readonly path: string;
  /** Names and values by turns. */
  readonly headers: readonly string[];
  readonly body: Uint8Array;
}

/** Hears what becomes of one request. `onEnd` or `onFailure` comes last, and once; after `abort()` neither comes. */
export interface InstanceEvents {
  /** Names in lower case, values as the instance sent them: untrusted. */
  onHead(status: number, headers: Readonly<Record<string, string | string[] | undefined>>): void;
  onData(chunk: Uint8Array): void;
  onEnd(): void;
  /** `sent`: the instance may have seen the request, so it must not be sent again. */
  onFailure(sent: boolean, reason: string): void;
}

/** A request on its way. */
export interface InstanceExchange {
  pause(): void;
  resume(): void;
  /** Breaks the request off, so that the instance sees its client gone. */
  abort(): void;
}

export interface InstanceLink {
  send(request: InstanceRequest, events: InstanceEvents): InstanceExchange;
  /** Closes what is idle and refuses the rest; called once nothing is in flight. */
  close(): void;
}
