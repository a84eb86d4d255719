import { readFileSync } from "node:fs";
import type { Limits } from "./limits.ts";
import { processTree } from "./process-tree.ts";
import { usageOf } from "./watchdog.ts";

/** What the processes of an instance have used of CPUs since they began, and use of memory. */
export interface InstanceUsage {
  readonly cpuSeconds: number;
  readonly memoryMiB: number;
}

/** The kernel's unit of CPU time, for programs: the same on all of its architectures. */
const TICKS_PER_SECOND = 100;

/** Undefined when the process is gone, or the kernel does not tell. */
export function instanceUsage(pid: number, limits: Limits): InstanceUsage | undefined {
  const ticks = processTree(pid, limits.processes).map(ticksOf);
  if (ticks[0] === undefined) return undefined;
  const used = ticks.reduce<number>((sum, one = 0) => sum + one, 0);
  return { cpuSeconds: used / TICKS_PER_SECOND, memoryMiB: usageOf(pid, limits).memoryMiB };
}

/** Of a process, and of its children that ended and were waited for. */
function ticksOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // the program's name comes second, in parentheses, and may hold anything
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const [user, system, childrenUser, childrenSystem] = fields.slice(11, 15).map(Number);
    return user! + system! + childrenUser! + childrenSystem!;
  } catch {
    return undefined;
  }
}
