import { expect, test } from "vitest";
import {
  HTTP_RETRIES,
  parseDeliveryPolicy,
  QUEUE_RETRIES,
  retryDelayMs,
} from "../../../src/capabilities/sns/retry-policy.ts";

const delays = (policy: typeof HTTP_RETRIES) => {
  const found: number[] = [];
  for (let failures = 1; ; failures++) {
    const delay = retryDelayMs(policy, failures);
    if (delay === undefined) return found;
    found.push(delay / 1000);
  }
};

test("HTTP is tried again three times, 20 s apart", () => {
  expect(delays(HTTP_RETRIES)).toEqual([20, 20, 20]);
});

test("queues: at once, after a second, then slower, then every 20 s", () => {
  const found = delays(QUEUE_RETRIES);
  expect(found).toHaveLength(100_015);
  expect(found.slice(0, 5)).toEqual([0, 0, 0, 1, 1]);
  expect(found.slice(14, 17)).toEqual([20, 20, 20]);
  const backoff = found.slice(4, 15);
  expect(backoff).toEqual([...backoff].sort((a, b) => a - b));
});

test.each(["linear", "arithmetic", "geometric", "exponential"] as const)(
  "a policy of one's own, %s: the phases in order",
  (backoffFunction) => {
    const healthyRetryPolicy = {
      minDelayTarget: 2,
      maxDelayTarget: 10,
      numRetries: 8,
      numNoDelayRetries: 1,
      numMinDelayRetries: 2,
      numMaxDelayRetries: 2,
      backoffFunction,
    };
    const found = delays(parseDeliveryPolicy(JSON.stringify({ healthyRetryPolicy })));
    expect([...found.slice(0, 3), ...found.slice(5)]).toEqual([0, 2, 2, 10, 10, 10]);
    expect(found).toEqual([...found].sort((a, b) => a - b));
  },
);

test.each([
  ["null", "healthyRetryPolicy"],
  ['{"throttlePolicy":{}}', "throttlePolicy"],
  ['{"healthyRetryPolicy":{"numRetries":101}}', "numRetries"],
  ['{"healthyRetryPolicy":{"minDelayTarget":30}}', "minDelayTarget"],
  ['{"healthyRetryPolicy":{"numNoDelayRetries":2,"numMinDelayRetries":2}}', "phases"],
  ['{"healthyRetryPolicy":{"backoffFunction":"random"}}', "backoffFunction"],
  ['{"healthyRetryPolicy":{"numRetires":3}}', "numRetires"],
])("%s is refused", (text, word) => {
  expect(() => parseDeliveryPolicy(text)).toThrow(word);
});
