/**
 * When a delivery that failed is tried again: at once, then after the least pause, then after growing ones, then after
 * the longest. https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html
 */

/** As SNS writes it; delays in seconds. */
export interface RetryPolicy {
  readonly minDelayTarget: number;
  readonly maxDelayTarget: number;
  /** Of all phases together. */
  readonly numRetries: number;
  readonly numNoDelayRetries: number;
  readonly numMinDelayRetries: number;
  readonly numMaxDelayRetries: number;
  readonly backoffFunction: "linear" | "arithmetic" | "geometric" | "exponential";
}

/** What AWS does for HTTP subscriptions without a policy of their own. */
export const HTTP_RETRIES: RetryPolicy = {
  minDelayTarget: 20,
  maxDelayTarget: 20,
  numRetries: 3,
  numNoDelayRetries: 0,
  numMinDelayRetries: 0,
  numMaxDelayRetries: 0,
  backoffFunction: "linear",
};

/** What AWS does for queues: 100,015 times, over 23 days. */
export const QUEUE_RETRIES: RetryPolicy = {
  minDelayTarget: 1,
  maxDelayTarget: 20,
  numRetries: 100_015,
  numNoDelayRetries: 3,
  numMinDelayRetries: 2,
  numMaxDelayRetries: 100_000,
  backoffFunction: "exponential",
};

/** The pause before the next attempt after so many that failed; undefined when there is none. */
export function retryDelayMs(policy: RetryPolicy, failures: number): number | undefined {
  const {
    minDelayTarget: min,
    maxDelayTarget: max,
    numRetries,
    numNoDelayRetries,
    numMaxDelayRetries,
  } = policy;
  const beforeBackoff = numNoDelayRetries + policy.numMinDelayRetries;
  const backoff = numRetries - beforeBackoff - numMaxDelayRetries;
  if (failures > numRetries) return undefined;
  if (failures <= numNoDelayRetries) return 0;
  if (failures <= beforeBackoff) return min * 1000;
  if (failures > beforeBackoff + backoff) return max * 1000;
  return (min + (max - min) * share(policy.backoffFunction, failures - beforeBackoff, backoff)) * 1000;
}

/** How much of the way from the least pause to the longest: 1 at the last step. */
function share(by: RetryPolicy["backoffFunction"], step: number, steps: number): number {
  if (by === "linear") return step / steps;
  if (by === "arithmetic") return (step * (step + 1)) / (steps * (steps + 1));
  const base = by === "geometric" ? 1.5 : 2;
  return (base ** step - 1) / (base ** steps - 1);
}

/** Reads a subscription's DeliveryPolicy; throws an Error with the rule that it breaks. */
export function parseDeliveryPolicy(text: string): RetryPolicy {
  const parsed = JSON.parse(text) as unknown;
  const { healthyRetryPolicy: given, ...rest } = (
    typeof parsed === "object" && parsed !== null ? parsed : { "": 0 }
  ) as Record<string, unknown>;
  const unknown = Object.keys(rest);
  if (unknown.length) throw new Error(`Tideway has healthyRetryPolicy only, not ${unknown.join(", ")}`);
  if (typeof given !== "object" || given === null) throw new Error("healthyRetryPolicy must be an object");
  for (const key of Object.keys(given))
    if (!Object.hasOwn(HTTP_RETRIES, key)) throw new Error(`healthyRetryPolicy has no member ${key}`);
  const policy = { ...HTTP_RETRIES, ...given } as RetryPolicy;
  const within = (name: keyof RetryPolicy, min: number, max: number) => {
    const value = policy[name] as number;
    if (!Number.isInteger(value) || value < min || value > max)
      throw new Error(`healthyRetryPolicy.${name} must be a whole number from ${min} to ${max}`);
  };
  within("maxDelayTarget", 1, 3600);
  within("minDelayTarget", 1, policy.maxDelayTarget);
  within("numRetries", 0, 100);
  within("numNoDelayRetries", 0, policy.numRetries);
  within("numMinDelayRetries", 0, policy.numRetries);
  within("numMaxDelayRetries", 0, policy.numRetries);
  if (policy.numNoDelayRetries + policy.numMinDelayRetries + policy.numMaxDelayRetries > policy.numRetries)
    throw new Error("the phases of healthyRetryPolicy must not have more retries than numRetries");
  if (!["linear", "arithmetic", "geometric", "exponential"].includes(policy.backoffFunction))
    throw new Error(
      "healthyRetryPolicy.backoffFunction must be linear, arithmetic, geometric or exponential",
    );
  return policy;
}
