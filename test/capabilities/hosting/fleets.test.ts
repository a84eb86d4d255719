import { expect, test } from "vitest";
import {
  keptDigests,
  endpointOfFleet,
  endpointRoute,
  failureReason,
  fleetDigests,
  fleetId,
  variantProgress,
} from "../../../src/capabilities/hosting/fleets.ts";

const plan = { name: "a", instanceCount: 2 } as never;
const iris = { name: "iris", arn: "arn:iris", spec: { revision: 1 }, status: {} } as never;
const fleet = { id: "f", desired: 2, instances: [] };

test("a fleet's endpoint is read back from its id, whatever the endpoint is called", () => {
  for (const name of ["iris", "a-1b2c3d4e-r1-0-b", "1b2c3d4e-r1-0-x"]) {
    const deployment = { revision: 12, configName: "c", variants: [plan] };
    const id = fleetId({ name, uid: "1b2c3d4e-0000" } as never, deployment, plan);
    expect(endpointOfFleet(id)).toBe(name);
  }
});

test("a variant on its way says how far the download is, in steps of five per cent", () => {
  const at = (bytes: number, totalBytes?: number) =>
    variantProgress(plan, { ...fleet, download: { bytes, ...(totalBytes && { totalBytes }) } }).message;
  expect(at(0, 50e6)).toBe("Launching 2 instance(s). Downloading the model: 0 % of 50.0 MB.");
  expect(at(24e6, 50e6)).toBe("Launching 2 instance(s). Downloading the model: 45 % of 50.0 MB.");
  expect(at(5)).toBe("Launching 2 instance(s). Downloading the model.");
});

test("how much may wait follows from the instances that are ready, and the model's Environment", () => {
  const ready = (id: string) => ({
    id,
    phase: "ready" as const,
    timeline: {},
    address: { kind: "unix" as const, path: id },
  });
  const route = endpointRoute(
    iris,
    {
      variants: [
        { name: "a", container: { environment: {} } },
        {
          name: "b",
          container: { environment: { TIDEWAY_MAX_OUTSTANDING: "10", TIDEWAY_MAX_WAIT_MS: "5000" } },
        },
        { name: "c", container: { environment: {} } },
      ],
    } as never,
    [
      { ...fleet, instances: [ready("0"), ready("1")] as never },
      { ...fleet, instances: [ready("2"), ready("3"), ready("4")] as never },
      fleet,
    ],
  );
  expect(route.maxOutstanding).toBe(2 * 256 + 3 * 10 + 256);
  expect(route.variants.map(({ maxWaitMs }) => maxWaitMs)).toEqual([900, 5000, 900]);
});

test("instances that are missing are pending, unless they can not be expected", () => {
  const pendingOf = (more: object) =>
    endpointRoute(iris, { variants: [{ name: "a", container: { environment: {} } }] } as never, [
      { ...fleet, ...more },
    ]).variants[0]!.pending;
  const ready = { phase: "ready", timeline: {}, restarts: 0, address: { kind: "unix", path: "/x" } };
  const died = (restarts: number, servedMs: number) => ({
    phase: "exited",
    timeline: { ready: 1000, exited: 1000 + servedMs },
    restarts,
  });
  expect(pendingOf({})).toBe(2);
  expect(pendingOf({ instances: [ready, { ...ready, phase: "starting" }] })).toBe(1);
  expect(pendingOf({ instances: [ready, ready] })).toBe(undefined);
  expect(pendingOf({ failure: { reason: "crash", message: "It broke.", logTail: [] } })).toBe(undefined);
  // a death now and then, a crash loop
  expect(pendingOf({ desired: 1, instances: [died(1, 100)] })).toBe(1);
  expect(pendingOf({ desired: 1, instances: [died(9, 60_000)] })).toBe(1);
  expect(pendingOf({ desired: 1, instances: [died(3, 100)] })).toBe(undefined);
});

test("who waits for a worker is told when none comes up any more", () => {
  const told = (...instances: object[]) =>
    endpointRoute(
      iris,
      {
        variants: [{ name: "a", container: { environment: {} }, serverless: { maxConcurrency: 4 } }],
      } as never,
      [{ ...fleet, instances: instances as never }],
    ).variants[0]!.serverless;
  const exited = (restarts: number, ready?: number) => ({
    phase: "exited",
    restarts,
    timeline: { downloading: 50_000, exited: 60_000, ...(ready !== undefined && { ready }) },
  });
  const ready = { phase: "ready", restarts: 9, timeline: {}, address: { kind: "unix", path: "/x" } };
  const patient = { maxConcurrency: 4 };
  const failing = { maxConcurrency: 4, failure: expect.stringContaining("again and again") };
  expect(told()).toEqual(patient);
  expect(told(exited(2))).toEqual(patient);
  expect(told(exited(3))).toEqual(failing);
  expect(told(exited(3, 40_000))).toEqual(failing);
  expect(told(exited(3, 59_000))).toEqual(failing);
  expect(told(exited(3), ready)).toEqual(patient);
  expect(told({ ...exited(3), phase: "starting" })).toEqual(patient);
});

test("while a deployment takes another one's place, the configuration is told of whichever is served", () => {
  const configOf = (status: object) =>
    endpointRoute(
      { name: "iris", arn: "arn:iris", spec: { revision: 2 }, status } as never,
      { configName: "old", variants: [{ name: "a", container: { environment: {} } }] } as never,
      [fleet],
    ).variants[0]!.config;
  expect(configOf({})).toBe(undefined);
  expect(configOf({ live: { revision: 1 } })).toBe("old");
  expect(configOf({ live: { revision: 2 } })).toBe(undefined);
});

test("a failure reason keeps the cause and the log's end within the 1,024 characters it has", () => {
  const logTail = Array.from({ length: 100 }, (_, index) => `line ${index} ${"x".repeat(50)}`);
  const reason = failureReason(plan, {
    ...fleet,
    failure: { reason: "crash", message: "The model is corrupt.", logTail },
  });
  expect(reason.length).toBeLessThanOrEqual(1024);
  expect(reason).toMatch(
    /^The container for production variant a could not be started: The model is corrupt\. Last log lines: line/,
  );
  expect(reason.endsWith(logTail.at(-1)!)).toBe(true);
  expect(
    failureReason(plan, { ...fleet, failure: { reason: "crash", message: "y".repeat(3000), logTail: [] } }),
  ).toHaveLength(1024);
});

test("the digests of a fleet's model and code are kept, and those of other fleets dropped", () => {
  const told = { ...fleet, digest: "m", codeDigest: "c" };
  const digests = fleetDigests({ old: "x", "old/code": "y" }, [told]);
  expect(digests).toEqual({ old: "x", "old/code": "y", f: "m", "f/code": "c" });
  expect(keptDigests(digests, new Set(["f"]))).toEqual({ f: "m", "f/code": "c" });
});
