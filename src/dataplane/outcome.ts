/** What became of an invocation: a value, which one table maps to AWS's errors (gateway/outcome-errors.ts). */

/** An answer of the model, whole. */
export interface Answer {
  readonly status: number;
  /** Lower-case names; only those that the contract lets through. */
  readonly headers: Readonly<Record<string, string>>;
}

export type Outcome<Body> =
  | { readonly kind: "answered"; readonly variant: string; readonly answer: Answer; readonly body: Body }
  /** The container answered 4xx or 5xx, broke off, timed out, or answered nonsense. `status` 0: no answer at all. */
  | {
      readonly kind: "model-error";
      readonly variant: string;
      readonly status: number;
      readonly message: string;
    }
  | { readonly kind: "unknown-endpoint"; readonly endpoint: string }
  /** It takes asynchronous requests only. */
  | { readonly kind: "asynchronous"; readonly endpoint: string }
  | { readonly kind: "unknown-variant"; readonly endpoint: string; readonly variant: string }
  /** No instance is ready, and at least one is on its way. */
  | { readonly kind: "not-ready"; readonly endpoint: string; readonly variant: string }
  /** No instance is ready, nor on its way. */
  | { readonly kind: "no-capacity"; readonly endpoint: string; readonly message: string }
  /** The endpoint's queue is full. */
  | { readonly kind: "overloaded"; readonly endpoint: string }
  /** A serverless endpoint has as many requests as it may have. */
  | { readonly kind: "throttled"; readonly endpoint: string; readonly maxConcurrency: number }
  /** The client went away; nobody is left to tell. */
  | { readonly kind: "cancelled" };
