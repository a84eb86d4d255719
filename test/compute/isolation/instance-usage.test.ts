import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "vitest";
import { instanceUsage } from "../../../src/compute/isolation/instance-usage.ts";

const LIMITS = { memoryMiB: 1000, processes: 100 };

test.runIf(process.platform === "linux")(
  "what a process and its children use is seen, and nothing of one that is gone",
  async () => {
    // the shell waits for a child that does the work
    const child = spawn("sh", ["-c", "while :; do :; done & wait"], { stdio: "ignore", detached: true });
    await once(child, "spawn");
    const pid = child.pid!;
    try {
      const used = () => instanceUsage(pid, LIMITS)!.cpuSeconds;
      while (used() < 0.05) await new Promise(setImmediate);
      expect(instanceUsage(pid, LIMITS)!.memoryMiB).toBeGreaterThan(0);
    } finally {
      process.kill(-pid, "SIGKILL");
      await once(child, "exit");
    }
    expect(instanceUsage(pid, LIMITS)).toBeUndefined();
  },
);
