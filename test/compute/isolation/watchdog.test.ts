import { spawn } from "node:child_process";
import { expect, test } from "vitest";
import { systemClock, type Clock } from "../../../src/base/clock.ts";
import type { Excess } from "../../../src/compute/isolation/limits.ts";
import { processTree } from "../../../src/compute/isolation/process-tree.ts";
import { usageOf, watchUsage, type Usage } from "../../../src/compute/isolation/watchdog.ts";

const LIMITS = { memoryMiB: 1000, processes: 10 };

test("looks the oftener the nearer the limit is, and tells once what was passed", () => {
  const pauses: number[] = [];
  let next: (() => void) | undefined;
  const clock: Clock = {
    ...systemClock,
    after(delayMs, callback) {
      pauses.push(delayMs);
      next = callback;
      return () => (next = undefined);
    },
  };
  const told: Excess[] = [];
  const usage: Usage[] = [
    { memoryMiB: 10, processes: 1 },
    { memoryMiB: 990, processes: 1 },
    { memoryMiB: 1001, processes: 1 },
  ];
  watchUsage(
    1,
    LIMITS,
    clock,
    (excess) => told.push(excess),
    () => usage.shift()!,
  );
  for (let looks = 0; looks < 2; looks++) next!();
  expect(pauses[0]).toBeGreaterThan(pauses[1]!);
  expect([told, pauses.length, usage.length]).toEqual([["memory"], 2, 0]);
});

test("too many processes are told, and a watch that is over looks no more", () => {
  const told: Excess[] = [];
  watchUsage(
    1,
    LIMITS,
    systemClock,
    (excess) => told.push(excess),
    () => ({ memoryMiB: 1, processes: 11 }),
  );
  expect(told).toEqual(["processes"]);
  let cancelled = 0;
  const clock = { ...systemClock, after: () => () => (cancelled += 1) };
  watchUsage(
    1,
    LIMITS,
    clock,
    () => {},
    () => ({ memoryMiB: 1, processes: 1 }),
  )();
  expect(cancelled).toBe(1);
});

test.skipIf(process.platform !== "linux")(
  "memory of descendants counts, what they share once (needs /proc)",
  async () => {
    // The child keeps 64 MiB; two of its own children share them by fork.
    const code = `
import os, sys, time
kept = bytearray(os.urandom(1)) * (64 << 20)
for _ in range(2):
    if os.fork() == 0: time.sleep(60)
print("ready", flush=True)
time.sleep(60)`;
    const child = spawn("python3", ["-c", code], { stdio: ["ignore", "pipe", "ignore"], detached: true });
    try {
      for await (const chunk of child.stdout) if (String(chunk).includes("ready")) break;
      const tree = processTree(child.pid!, 100);
      expect(tree.length).toBeGreaterThanOrEqual(3);
      const counted = (memoryMiB: number) => usageOf(child.pid!, { memoryMiB, processes: 100 });
      expect(counted(1).memoryMiB).toBeGreaterThan(64);
      expect(counted(1).memoryMiB).toBeLessThan(110);
      expect(counted(4096).processes).toBeGreaterThanOrEqual(3);
    } finally {
      process.kill(-child.pid!, "SIGKILL");
    }
  },
);
