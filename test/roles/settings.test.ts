import { expect, test } from "vitest";
import {
  countsRequests,
  metricsBytes,
  metricsToken,
  serverlessIdleMs,
  warmWorkers,
} from "../../src/roles/settings.ts";

const idle = (text?: string) => serverlessIdleMs({ env: { TIDEWAY_SERVERLESS_IDLE_SECONDS: text } } as never);

test("an idle serverless worker is kept for five minutes, or for as long as the environment says", () => {
  expect([idle(), idle(""), idle("1"), idle("86400")]).toEqual([300_000, 300_000, 1000, 86_400_000]);
  for (const bad of ["0", "86401", "never", "1.5", "-1", "1e3"])
    expect(() => idle(bad)).toThrow(`must be a whole number from 1 to 86400, not "${bad}"`);
});

test("one worker is kept ready, or as many as the environment says", () => {
  const warm = (text?: string) => warmWorkers({ env: { TIDEWAY_WARM_WORKERS: text } } as never);
  expect([warm(), warm(""), warm("0"), warm("16")]).toEqual([1, 1, 0, 16]);
  for (const bad of ["17", "-1", "all", "1.5", "100"])
    expect(() => warm(bad)).toThrow(`must be a whole number from 0 to 16, not "${bad}"`);
});

test("metrics have a gibibyte, or what the environment says, and may be off", () => {
  const bytes = (text?: string) => metricsBytes({ env: { TIDEWAY_METRICS_MAX_MB: text } } as never);
  expect([bytes(), bytes(""), bytes("10"), bytes("4096")]).toEqual([2 ** 30, 2 ** 30, 10 * 2 ** 20, 2 ** 32]);
  for (const bad of ["0", "9", "09", "much", "1.5", "-1", "10000000"])
    expect(() => bytes(bad)).toThrow(`must be a whole number from 10 to 9999999, not "${bad}"`);
  expect(countsRequests({ env: {} } as never)).toBe(true);
  expect(countsRequests({ env: { TIDEWAY_METRICS: "off" } } as never)).toBe(false);
});

test("a token for scrapers is none, or long enough to be one", () => {
  const token = (text?: string) => metricsToken({ env: { TIDEWAY_METRICS_TOKEN: text } } as never);
  expect([token(), token(""), token("0123456789abcdef")]).toEqual([undefined, undefined, "0123456789abcdef"]);
  for (const bad of ["short", "with a space in the middle", "x".repeat(257)])
    expect(() => token(bad)).toThrow("TIDEWAY_METRICS_TOKEN must be 16 to 256 characters");
});
