import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { systemClock } from "../../../src/base/clock.ts";
import {
  Cgroup,
  findCgroupHome,
  removeCgroupHome,
  sweepCgroups,
} from "../../../src/compute/isolation/cgroups.ts";
import { hasCgroups } from "../../support/isolation.ts";

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});
/** A root folder with these files; a folder has no files of the kernel's own. */
function machine(files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(tmpdir(), "tideway-cgroup-"));
  closers.push(() => rmSync(root, { recursive: true, force: true }));
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(join(root, path, ".."), { recursive: true });
    writeFileSync(join(root, path), content);
  }
  return root;
}

describe("where cgroups may be made", () => {
  const V1 = {
    "proc/self/cgroup": "8:pids:/\n4:memory:/docker/abc\n0::/\n",
    "proc/self/mountinfo":
      "30 25 0:26 /docker/abc /sys/fs/cgroup/memory ro shared:1 - cgroup cgroup rw,memory\n" +
      "31 25 0:27 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n",
    "sys/fs/cgroup/memory/tideway-x/memory.limit_in_bytes": "",
    "sys/fs/cgroup/memory/tideway-x/memory.oom_control": "oom_kill 0\n",
    "sys/fs/cgroup/pids/tideway-x/cgroup.procs": "",
  };
  test("version 1: below the own one, as the mount shows it, memory and processes each in its place", () => {
    const root = machine(V1);
    expect(findCgroupHome("tideway-x", () => true, root)).toEqual({
      version: 1,
      memory: join(root, "sys/fs/cgroup/memory/tideway-x"),
      pids: join(root, "sys/fs/cgroup/pids/tideway-x"),
    });
  });

  test("a folder that is not the kernel's is none", () => {
    const { "sys/fs/cgroup/memory/tideway-x/memory.oom_control": _, ...rest } = V1;
    expect(findCgroupHome("tideway-x", () => true, machine(rest))).toBeUndefined();
    expect(findCgroupHome("tideway-x", () => true, machine({}))).toBeUndefined();
  });

  const OWN = "sys/fs/cgroup/system.slice/tideway.service";
  const V2 = {
    "proc/self/cgroup": "0::/system.slice/tideway.service\n",
    "proc/self/mountinfo": "30 25 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw\n",
    [`${OWN}/cgroup.subtree_control`]: "memory pids\n",
    [`${OWN}/cgroup.procs`]: "12\n13\n",
    [`${OWN}/tideway-x/cgroup.subtree_control`]: "memory pids\n",
    [`${OWN}/tideway-x/memory.max`]: "max\n",
    [`${OWN}/tideway-x/cgroup.procs`]: "",
  };
  test("version 2: below the own one, also for a process that was moved into the server's leaf", () => {
    for (const path of ["/system.slice/tideway.service", "/system.slice/tideway.service/tideway-server"]) {
      const root = machine({ ...V2, "proc/self/cgroup": `0::${path}\n` });
      expect(findCgroupHome("tideway-x", () => false, root)).toEqual({
        version: 2,
        memory: join(root, OWN, "tideway-x"),
        pids: join(root, OWN, "tideway-x"),
      });
    }
  });

  test("version 2: the server moves into a leaf if nobody else is there, and only then", () => {
    const closed = { ...V2, [`${OWN}/cgroup.subtree_control`]: "" };
    const shared = machine(closed);
    expect(findCgroupHome("tideway-x", (pid) => pid === 12, shared)).toBeUndefined();
    expect(existsSync(join(shared, OWN, "tideway-server"))).toBe(false);
    const alone = machine(closed);
    findCgroupHome("tideway-x", () => true, alone);
    expect(readFileSync(join(alone, OWN, "tideway-server/cgroup.procs"), "utf8")).toBe("13");
    expect(readFileSync(join(alone, OWN, "cgroup.subtree_control"), "utf8")).toBe("+memory +pids");
  });

  test("version 2: limits, and what the kernel counts", async () => {
    const home = { version: 2 as const, memory: machine({}), pids: undefined };
    const cgroup = new Cgroup(home, "one");
    const argv = await cgroup.make({ memoryMiB: 100, processes: 5 }, systemClock);
    expect(argv.slice(-2)).toEqual([join(home.memory, "one/cgroup.procs"), "--"]);
    expect(readFileSync(join(home.memory, "one/memory.max"), "utf8")).toBe("104857600");
    expect(cgroup.exceeded).toBeUndefined();
    writeFileSync(join(home.memory, "one/memory.events"), "oom 1\noom_kill 1\noom_group_kill 1\n");
    expect(cgroup.exceeded).toBe("memory");
  });
});

describe.skipIf(!hasCgroups)("the kernel's cgroups (needs the right to make them)", () => {
  const start = async (argv: readonly string[]) => {
    const child = spawn(argv[0]!, argv.slice(1), { stdio: "ignore" });
    return new Promise<NodeJS.Signals | number | null>((resolve) =>
      child.once("exit", (code, signal) => resolve(signal ?? code)),
    );
  };

  test("end a program that takes more memory, and say so; what left its group goes with the cgroup", async () => {
    const home = findCgroupHome("tideway-test-cgroups", () => false)!;
    const cgroup = new Cgroup(home, "one");
    const join = await cgroup.make({ memoryMiB: 64, processes: 50 }, systemClock);
    expect(await start([...join, "/bin/true"])).toBe(0);
    expect(cgroup.exceeded).toBeUndefined();
    const daemon = spawn(join[0]!, [...join.slice(1), "/bin/sh", "-c", "setsid sleep 1000 & echo started"], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    await new Promise((resolve) => daemon.stdout.once("data", resolve));
    const grow = "kept = []\nfor (;;) kept.push(Buffer.alloc(1 << 20, 1))";
    expect(await start([...join, process.execPath, "-e", grow.replace("\n", ";")])).toBe("SIGKILL");
    expect(cgroup.exceeded).toBe("memory");
    expect(await sweepCgroups(home, new Set(["one"]), systemClock)).toEqual([]);
    expect(await sweepCgroups(home, new Set(), systemClock)).toEqual(["one"]);
    removeCgroupHome(home);
    expect(existsSync(home.memory)).toBe(false);
  });
});
