import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** What identifies a process beyond its pid: when the kernel started it. Undefined when it does not run. */
export function startTimeOf(pid: number): string | undefined {
  return process.platform === "linux" ? linuxStat(pid)?.[19] : ps(pid, "lstart");
}

/** Whether somebody stopped the process (SIGSTOP): it is not busy, it will never answer. */
export function isStopped(pid: number): boolean {
  const state = process.platform === "linux" ? linuxStat(pid)?.[0] : ps(pid, "state");
  return state?.startsWith("T") ?? false;
}

/** proc_pid_stat(5), from field 3 on: what stands before is a name in parentheses, which may hold anything. */
function linuxStat(pid: number): string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  } catch {
    return undefined;
  }
}

function ps(pid: number, column: string): string | undefined {
  try {
    return (
      execFileSync("ps", ["-o", `${column}=`, "-p", String(pid)], { encoding: "utf8" }).trim() || undefined
    );
  } catch {
    return undefined;
  }
}
