import { readFileSync } from "node:fs";

import type { Clock } from "../../base/clock.ts";
import type { Excess, Limits } from "./limits.ts";
import { processTree } from "./process-tree.ts";

/** What a process tree uses. */
export interface Usage {
  readonly memoryMiB: number;
  readonly processes: number;
}

/** A thread can touch about this much fresh memory in a second, so a look that far off misses little. */
const MIB_PER_SECOND = 4096;
const SHORTEST_MS = 50;
const LONGEST_MS = 500;

/**
 * Where no cgroup may be written: looks at what a process and its descendants use, the oftener the nearer they are to
 * the limit, and calls back once when it is passed. A soft limit: what is allocated between two looks is seen late.
 */
export function watchUsage(
  pid: number,
  limits: Limits,
  clock: Clock,
  exceeded: (excess: Excess) => void,
  measure: (pid: number, limits: Limits) => Usage = usageOf,
): () => void {
  let cancel = () => {};
  const look = () => {
    const { memoryMiB, processes } = measure(pid, limits);
    if (memoryMiB > limits.memoryMiB) return exceeded("memory");
    if (processes > limits.processes) return exceeded("processes");
    const reachedInMs = ((limits.memoryMiB - memoryMiB) / MIB_PER_SECOND) * 1000;
    cancel = clock.after(Math.min(LONGEST_MS, Math.max(SHORTEST_MS, reachedInMs)), look);
  };
  look();
  return () => cancel();
}

/** Sums what is resident; only where that passes the limit it is counted exactly, which costs the kernel more. */
export function usageOf(pid: number, limits: Limits): Usage {
  const tree = processTree(pid, limits.processes + 1);
  const statuses = tree.map((one) => read(`/proc/${one}/status`));
  let memoryKib = sum(statuses, residentKib);
  if (memoryKib > limits.memoryMiB * 1024) memoryKib = sum(tree, ownKib);
  return {
    memoryMiB: memoryKib / 1024,
    processes: sum(statuses, (status) => numberIn(status, "Threads") ?? 0),
  };
}

/** Resident pages but for those of files, which the kernel can drop. */
function residentKib(status: string): number {
  return (numberIn(status, "RssAnon") ?? 0) + (numberIn(status, "RssShmem") ?? 0);
}

/** The same with each page that processes share counted in parts. */
function ownKib(pid: number): number {
  const rollup = read(`/proc/${pid}/smaps_rollup`);
  const [all, files] = [numberIn(rollup, "Pss"), numberIn(rollup, "Pss_File")];
  return all === undefined || files === undefined ? residentKib(read(`/proc/${pid}/status`)) : all - files;
}

/** A number of one of proc(5)'s tables. */
function numberIn(table: string, name: string): number | undefined {
  const found = new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(table)?.[1];
  return found === undefined ? undefined : Number(found);
}

function sum<Item>(items: readonly Item[], measure: (item: Item) => number): number {
  return items.reduce((total, item) => total + measure(item), 0);
}

function read(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}
