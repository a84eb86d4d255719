import { globSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { startTimeOf } from "./process-stat.ts";

/** Remembers a running process, so that a later host finds it if this one is killed. */
export function rememberProcess(folder: string, pid: number): void {
  writeFileSync(join(folder, "pid"), JSON.stringify({ pid, startTime: startTimeOf(pid) }), { mode: 0o600 });
}

/** The process is gone. */
export function forgetProcess(folder: string): void {
  rmSync(join(folder, "pid"), { force: true });
}

/** Kills what a host that was killed left running under `dir`, and nothing else. Returns the pids. */
export function killLeftovers(dir: string): number[] {
  const killed: number[] = [];
  for (const file of globSync(join(dir, "*", "*", "pid"))) {
    const { pid, startTime } = readPidFile(file);
    if (pid !== undefined && startTime !== undefined && startTimeOf(pid) === startTime) {
      try {
        process.kill(-pid, "SIGKILL");
        killed.push(pid);
      } catch {
        // It ended by itself in this moment.
      }
    }
    rmSync(file, { force: true });
  }
  return killed;
}

function readPidFile(file: string): { pid?: number; startTime?: string } {
  try {
    const { pid, startTime } = JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>;
    return typeof pid === "number" && pid > 1 && typeof startTime === "string" ? { pid, startTime } : {};
  } catch {
    return {};
  }
}
