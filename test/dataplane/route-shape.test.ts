import { expect, test } from "vitest";
import { readRoute } from "../../src/dataplane/route-shape.ts";
import type { EndpointRoute } from "../../src/dataplane/routing-table.ts";

const route: EndpointRoute = {
  name: "Iris",
  arn: "arn:iris",
  variants: [
    {
      name: "a",
      fleet: "f",
      weight: 0.5,
      routing: "RANDOM",
      instances: [
        { id: "1", address: { kind: "unix", path: "/a", framesPath: "/b" } },
        { id: "2", address: { kind: "unix", path: "/a" } },
        { id: "3", address: { kind: "tcp", host: "::1", port: 80 } },
      ],
      pending: 1,
      maxWaitMs: 5,
    },
    { name: "b", fleet: "g", weight: 0, routing: "LEAST_OUTSTANDING_REQUESTS", instances: [] },
    {
      name: "c",
      fleet: "h",
      weight: 1,
      routing: "RANDOM",
      instances: [],
      serverless: { maxConcurrency: 5, failure: "It broke." },
    },
  ],
  timeoutMs: 60_000,
  maxOutstanding: 256,
};

test("a route comes back from JSON as it was, and nothing else with it", () => {
  expect(readRoute(JSON.parse(JSON.stringify(route)))).toEqual(route);
  expect(readRoute({ ...route, more: 1 })).toEqual(route);
  // so that equal routes are equal texts
  const { name, ...rest } = route;
  expect(JSON.stringify(readRoute({ ...rest, name }))).toBe(JSON.stringify(readRoute(route)));
});

test.each<[string, (route: any) => unknown]>([
  ["route must be an object", () => null],
  ["route must be an object", () => []],
  ["name must be a string", (one) => ({ ...one, name: 1 })],
  ["variants must be a list", (one) => ({ ...one, variants: {} })],
  ["timeoutMs must be a number of 0 or more", (one) => ({ ...one, timeoutMs: "1" })],
  ["maxOutstanding must be a number of 0 or more", (one) => ({ ...one, maxOutstanding: Number.NaN })],
  ["variants must be an object", (one) => ({ ...one, variants: ["a"] })],
  ["routing must be LEAST_OUTSTANDING_REQUESTS or RANDOM", (one) => changed(one, { routing: "x" })],
  ["weight must be a number of 0 or more", (one) => changed(one, { weight: -1 })],
  ["pending must be a number of 0 or more", (one) => changed(one, { pending: null })],
  ["serverless must be an object", (one) => changed(one, { serverless: 1 })],
  ["maxConcurrency must be a number of 0 or more", (one) => changed(one, { serverless: {} })],
  ["id must be a string", (one) => changed(one, { instances: [{ id: 1 }] })],
  ["address must be an object", (one) => changed(one, { instances: [{ id: "1" }] })],
  ["kind must be unix or tcp", (one) => changed(one, { instances: [{ id: "1", address: { kind: "udp" } }] })],
  ["path must be a string", (one) => changed(one, { instances: [{ id: "1", address: { kind: "unix" } }] })],
])("what is wrong is named: %s", (message, change) => {
  expect(() => readRoute(change(route))).toThrow(message);
});

const changed = (one: EndpointRoute, variant: object) => ({
  ...one,
  variants: [{ ...one.variants[0], ...variant }],
});
