import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { commands } from "../../../src/cli/commands.ts";
import { runProgram } from "../../../src/cli/program.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tideway-simulate-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function simulate(policy: unknown, trace: string, ...options: string[]) {
  const files = { policy: join(folder, "policy.json"), trace: join(folder, "trace.csv") };
  await writeFile(files.policy, typeof policy === "string" ? policy : JSON.stringify(policy));
  await writeFile(files.trace, trace);
  let [out, err] = ["", ""];
  const words = ["simulate", "--policy", files.policy, "--trace", files.trace, ...options];
  const code = await runProgram(commands, words, {
    out: { write: (chunk) => (out += chunk.toString()) },
    err: { write: (chunk) => (err += chunk.toString()) },
    env: {},
    signal: new AbortController().signal,
    version: "1.2.3",
  });
  return { code, out, err };
}

/** As the AWS CLI takes it in --target-tracking-scaling-policy-configuration file://. */
const POLICY = {
  TargetValue: 600,
  PredefinedMetricSpecification: { PredefinedMetricType: "SageMakerVariantInvocationsPerInstance" },
};
const TRACE = "seconds,rps\n0,5\n600,40\n1800,5\n5400,5\n";

test("a person gets a chart, the changes with their causes, and what it comes to", async () => {
  const { code, out } = await simulate(POLICY, TRACE, "--max", "6");
  expect(code).toBe(0);
  expect(out).toContain(
    "00:13  1 → 4  monitor alarm policy 1 AlarmHigh in state ALARM triggered policy policy 1",
  );
  expect(out).toMatch(/changes +2\n/);
  expect(out).toMatch(/instances +1 to 4\n/);
});

test("a program gets every minute and every change", async () => {
  const { out } = await simulate(
    { PolicyName: "mine", TargetTrackingScalingPolicyConfiguration: POLICY },
    TRACE,
    "--json",
  );
  const result = JSON.parse(out) as { minutes: object[]; changes: object[] };
  expect(result.minutes).toHaveLength(150);
  expect(result.changes).toEqual([
    {
      at: 780_000,
      from: 1,
      to: 4,
      cause: "monitor alarm mine AlarmHigh in state ALARM triggered policy mine",
    },
    {
      at: 2_700_000,
      from: 4,
      to: 1,
      cause: "monitor alarm mine AlarmLow in state ALARM triggered policy mine",
    },
  ]);
});

test.each([
  ["{", TRACE, [], "--policy is no JSON"],
  [{}, TRACE, [], "has neither a TargetTrackingScalingPolicyConfiguration"],
  [{ ...POLICY, PredefinedMetricSpecification: undefined }, TRACE, [], "Specify one of"],
  [POLICY, "0,1", [], "at least two rows"],
  [POLICY, TRACE, ["--max", "0"], "--max takes a number of at least 1"],
  [POLICY, TRACE, ["--min", "5", "--max", "4"], "--max must not be less than --min"],
  [POLICY, TRACE, ["--latency", "slow"], "--latency takes a number"],
] as [unknown, string, string[], string][])(
  "%j with %j %j is refused: %s",
  async (policy, trace, options, message) => {
    const { code, err } = await simulate(policy, trace, ...options);
    expect(code).toBeGreaterThan(0);
    expect(err).toContain(message);
  },
);
