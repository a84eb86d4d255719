import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { expect, test } from "vitest";
import {
  cpuMicroseconds,
  familyOf,
  proportionalBytes,
  residentBytes,
  roleOf,
} from "../../bench/processes.ts";

test("a process's role is in its title; memory and time are those of Linux", async () => {
  const program = 'process.title = "tideway: gateway 2"; console.log("up"); setInterval(() => {}, 1000)';
  const child = spawn(process.execPath, ["-e", program], { stdio: ["ignore", "pipe", "inherit"] });
  const exited = once(child, "exit");
  try {
    await once(createInterface(child.stdout), "line");
    expect(familyOf(process.pid)).toContain(child.pid);
    expect(roleOf(child.pid!)).toBe("gateway");
    expect(residentBytes(child.pid!)).toBeGreaterThan(20e6);
    expect(proportionalBytes(child.pid!)).toBeLessThanOrEqual(residentBytes(child.pid!));
    expect(cpuMicroseconds([child.pid!])).toBeGreaterThan(0);
  } finally {
    child.kill();
    await exited;
  }
  expect(roleOf(process.pid)).toBe("server");
  expect(cpuMicroseconds([child.pid!])).toBe(0);
});
