import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** The children of a process, in the order in which they were started; none where the kernel does not tell. */
export function childrenOf(pid: number): number[] {
  const found: number[] = [];
  try {
    for (const thread of readdirSync(`/proc/${pid}/task`))
      found.push(
        ...readFileSync(`/proc/${pid}/task/${thread}/children`, "latin1")
          .split(" ")
          .map(Number)
          .filter((child) => child > 0),
      );
  } catch {
    // It ended in this moment.
  }
  return found;
}

/** A process and all that descend from it, at most `most` of them. */
export function processTree(pid: number, most: number): number[] {
  const found = [pid];
  for (let index = 0; index < found.length && found.length < most; index++)
    found.push(...childrenOf(found[index]!));
  return found;
}

/**
 * The process that runs an instance's own program: `pid` itself, or inside bubblewrap the child of its namespace's
 * first process. SIGTERM is for that one: bubblewrap takes its sandbox down at once.
 */
export function programOf(pid: number): number {
  if (nameOf(pid) !== BUBBLEWRAP) return pid;
  // The guard's watcher is a child of it, too.
  const first = childrenOf(pid).find((child) => nameOf(child) === BUBBLEWRAP);
  return (first !== undefined && childrenOf(first)[0]) || pid;
}

const BUBBLEWRAP = "bwrap";

function nameOf(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/comm`, "latin1").trim();
  } catch {
    return undefined;
  }
}

/** Whether a process is this one, descends from it, or is what started it, running the same program. */
export function isServerProcess(pid: number): boolean {
  return (
    parents(pid).includes(process.pid) ||
    (parents(process.pid).includes(pid) && program(pid) === program(process.pid))
  );
}

function program(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/exe`);
  } catch {
    return undefined;
  }
}

/** A process and those above it. */
function parents(pid: number): number[] {
  const found: number[] = [];
  for (let one = pid; one > 0 && !found.includes(one); one = parentOf(one)) found.push(one);
  return found;
}

function parentOf(pid: number): number {
  try {
    return Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1] ?? 0);
  } catch {
    return 0;
  }
}
