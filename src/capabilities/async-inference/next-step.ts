/** What becomes of an attempt: a pure decision. */
import { expired, instanceBroke, noOutput } from "./reasons.ts";
import type { QueuedRequest } from "./request.ts";

/** How an attempt went wrong without the model's having said anything. */
export type Trouble =
  /** The instance broke off, or its network did. `left`: it was being stopped, which is not the request's fault. */
  | { readonly kind: "broke"; readonly why: string; readonly left: boolean }
  /** It was never reached. */
  | { readonly kind: "unreachable" }
  /** The answer was there, and its place was not. */
  | { readonly kind: "not-stored"; readonly why: string };

export type NextStep =
  | { readonly kind: "again"; readonly dueAt: number; readonly counts: boolean }
  | { readonly kind: "give-up"; readonly reason: string };

/** So many instances may break under one request before it is taken for the cause. */
const MOST_BREAKS = 3;
const UNREACHABLE_MS = 1_000;
const FIRST_PAUSE_MS = 1_000;
/** No request that is begun again waits for longer. */
export const LONGEST_PAUSE_MS = FIRST_PAUSE_MS * 2 ** (MOST_BREAKS - 2);

export function nextStep({ breaks, request }: QueuedRequest, trouble: Trouble, now: number): NextStep {
  if (now >= request.expiresAt) return { kind: "give-up", reason: expired(request.ttlSeconds) };
  if (trouble.kind === "unreachable") return { kind: "again", dueAt: now + UNREACHABLE_MS, counts: false };
  if (trouble.kind === "broke" && trouble.left) return { kind: "again", dueAt: now, counts: false };
  if (breaks + 1 < MOST_BREAKS)
    return { kind: "again", dueAt: now + FIRST_PAUSE_MS * 2 ** breaks, counts: true };
  return {
    kind: "give-up",
    reason:
      trouble.kind === "broke"
        ? instanceBroke(MOST_BREAKS, trouble.why)
        : noOutput(request.outputLocation, trouble.why),
  };
}
