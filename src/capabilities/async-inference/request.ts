/** An asynchronous request as it is kept until somebody has its result. */

export interface AsyncRequest {
  readonly inferenceId: string;
  /** As the caller wrote it. */
  readonly endpoint: string;
  /** The endpoint's uid: a later one of the same name gets nothing of this one's. */
  readonly endpointUid: string;
  /** Absent where the body came with the request. */
  readonly inputLocation?: string;
  /** Whether the place of the result is nobody else's; a name that the caller chose may hold an older result. */
  readonly ownName: boolean;
  readonly outputLocation: string;
  readonly failureLocation?: string;
  /** What the container gets to see, lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly receivedAt: number;
  readonly expiresAt: number;
  readonly ttlSeconds: number;
  readonly timeoutSeconds: number;
  readonly notify: Notify;
}

/** Who hears of the end of a request. */
export interface Notify {
  readonly successTopic?: string;
  readonly errorTopic?: string;
  readonly responseIn: readonly string[];
}

/** How a request ended. Once it is written it is never another. */
export type Ending =
  | { readonly kind: "succeeded"; readonly at: number; readonly contentType?: string }
  | {
      readonly kind: "failed";
      readonly at: number;
      /** In AWS's form: who is to blame, and a sentence. */
      readonly reason: string;
      /** What the model said, base64. */
      readonly body?: string;
      readonly contentType?: string;
    };

/** A request of the table. */
export interface QueuedRequest {
  readonly id: number;
  /** How often it was begun. With the id it names one try: what an earlier one writes is refused. */
  readonly attempt: number;
  /** How often an instance broke while it had the request. */
  readonly breaks: number;
  /** When it was first begun; what lies at its output since then is its result. */
  readonly begunAt: number | undefined;
  readonly request: AsyncRequest;
}

/** One whose end is decided, and of which somebody is still to hear. */
export interface EndedRequest extends QueuedRequest {
  readonly ending: Ending;
}
