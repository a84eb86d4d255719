import type { DescribeEndpointCommandOutput } from "@aws-sdk/client-sagemaker";
import { expect, test } from "vitest";
import type { Clock } from "../../src/base/clock.ts";
import { phase, watchPhases } from "../../src/cli/phases.ts";
import { Terminal } from "../../src/cli/terminal.ts";

/** Time that passes only where somebody waits. */
function waitingClock(): Clock {
  let now = 0;
  return {
    now: () => now,
    monotonic: () => now,
    after(delayMs, callback) {
      let cancelled = false;
      setImmediate(() => {
        if (cancelled) return;
        now += delayMs;
        callback();
      });
      return () => {
        cancelled = true;
      };
    },
  };
}

type Described = Partial<DescribeEndpointCommandOutput>;

function watch(sequence: readonly Described[], timeoutMs = 60_000) {
  let out = "";
  let at = 0;
  const sink = { write: (chunk: string | Uint8Array) => (out += chunk.toString()) };
  const describe = async () => sequence[Math.min(at++, sequence.length - 1)] as DescribeEndpointCommandOutput;
  const terminal = new Terminal(sink, sink, {}, false);
  const signal = new AbortController().signal;
  const done = watchPhases(describe, { clock: waitingClock(), terminal, start: 0, timeoutMs, signal });
  return { done, out: () => out };
}

test("each phase is shown once, with the time it was reached", async () => {
  const creating: Described = {
    EndpointStatus: "Creating",
    PendingDeploymentSummary: {
      EndpointConfigName: "c",
      ProductionVariants: [
        {
          VariantName: "A",
          DesiredInstanceCount: 1,
          VariantStatus: [{ Status: "Creating", StatusMessage: "loading\u001B[2J" }],
        },
      ],
    },
  };
  const inService: Described = {
    EndpointStatus: "InService",
    ProductionVariants: [{ VariantName: "A", CurrentInstanceCount: 1, DesiredInstanceCount: 1 }],
  };
  const { done, out } = watch([creating, creating, inService]);
  expect((await done).EndpointStatus).toBe("InService");
  expect(out()).toBe(
    "     0 µs  Creating: A 0 of 1 instances, Creating (loading)\n   100 ms  InService: A 1 of 1 instances\n",
  );
});

test("a failure rests, and waiting has an end", async () => {
  const failed = watch([{ EndpointStatus: "Failed", FailureReason: "x" }]);
  expect((await failed.done).FailureReason).toBe("x");
  await expect(watch([{ EndpointStatus: "Creating" }], 1000).done).rejects.toThrow(
    "still Creating after 1.0 s",
  );
});

test("an endpoint without variants is its status", () => {
  expect(phase({ EndpointStatus: "Deleting" })).toBe("Deleting");
});

test("a serverless endpoint has no number of instances", () => {
  const DesiredServerlessConfig = { MemorySizeInMB: 1024, MaxConcurrency: 5 };
  const ProductionVariants = [{ VariantName: "A", CurrentInstanceCount: 0, DesiredServerlessConfig }];
  expect(phase({ EndpointStatus: "InService", ProductionVariants })).toBe("InService: A serverless");
});
