/** When a target that failed is tried again: with growing pauses, for a day and 185 times unless the target says less. */
import type { RetryPolicy } from "@aws-sdk/client-eventbridge";

const FIRST_MS = 1_000;
const LONGEST_MS = 480_000;

export type RetryDecision =
  | { readonly retryMs: number }
  | { readonly exhausted: "MaximumRetryAttempts" | "MaximumEventAgeInSeconds" };

/** After so many attempts of an event of an age. Half of each pause is `chance`, from 0 to 1. */
export function retryAfter(
  policy: RetryPolicy | undefined,
  failures: number,
  ageMs: number,
  chance: number,
): RetryDecision {
  const { MaximumRetryAttempts: most = 185, MaximumEventAgeInSeconds: seconds = 86_400 } = policy ?? {};
  if (failures > most) return { exhausted: "MaximumRetryAttempts" };
  const retryMs = Math.min(FIRST_MS * 2 ** (failures - 1), LONGEST_MS) * (0.5 + chance / 2);
  if (ageMs + retryMs > seconds * 1000) return { exhausted: "MaximumEventAgeInSeconds" };
  return { retryMs };
}
