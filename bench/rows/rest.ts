import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { ServerProcess } from "../../src/cli/server-process.ts";
import { Echo } from "../echo.ts";
import { familyOf, proportionalBytes, residentBytes, roleOf } from "../processes.ts";
import type { Bench, Goal, Row } from "../row.ts";
import { median, spread } from "../statistics.ts";

const MEGABYTE = 1e6;

/** Bytes of memory of each role's processes together. */
type Memory = ReadonlyMap<string, { readonly resident: number; readonly proportional: number }>;

/** How soon a fresh server is ready, and what each of its processes holds when nobody asks them. */
export async function restRows({ subject, quick, note }: Bench): Promise<Row[]> {
  const rounds = quick ? 3 : 7;
  const ready = { tideway: [] as number[], baseline: [] as number[] };
  const servers: Memory[] = [];
  const bare: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const folder = await mkdtemp(join(tmpdir(), "tideway-bench-"));
    {
      const start = performance.now();
      await using server = await ServerProcess.start(join(folder, "data"), process.env);
      ready.tideway.push(performance.now() - start);
      await pause(500);
      servers.push(memoryOf(familyOf(server.pid!)));
    }
    await rm(folder, { recursive: true, force: true });
    const start = performance.now();
    await using echo = await Echo.start();
    ready.baseline.push(performance.now() - start);
    await pause(500);
    bare.push(residentBytes(echo.pid) / MEGABYTE);
  }
  // An instance of its own, which nobody has asked yet.
  const before = new Set(subject.pids());
  await subject.deploy("rest");
  await pause(500);
  const instance = memoryOf(
    subject.pids().filter((pid) => !before.has(pid) && roleOf(pid) === "instance"),
  ).get("instance");
  await subject.remove("rest");
  note(`rest: ${rounds} rounds`);

  const roles = [...new Set(servers.flatMap((server) => [...server.keys()]))].sort();
  const megabytes = (kind: "resident" | "proportional", of: readonly string[]) =>
    servers.map((server) => of.reduce((sum, role) => sum + (server.get(role)?.[kind] ?? 0), 0) / MEGABYTE);
  const row = (name: string, values: readonly number[], goal?: Goal): Row => ({
    name,
    unit: "MB",
    tideway: median(values),
    spread: [spread(values)],
    ...(goal && { goal }),
  });
  return [
    {
      name: "Server: start to ready",
      unit: "ms",
      tideway: median(ready.tideway),
      baseline: median(ready.baseline),
      against: "bare node:http",
      spread: [spread(ready.tideway), spread(ready.baseline)],
      goal: { of: "value", atMost: 1000 },
    },
    {
      ...row("Gateway and control at rest: resident memory", megabytes("resident", SERVING), {
        of: "value",
        atMost: 150,
      }),
      baseline: median(bare),
      against: "bare node:http",
    },
    ...roles.flatMap((role) => [
      row(`${capital(role)} at rest: resident memory`, megabytes("resident", [role])),
      row(`${capital(role)} at rest: proportional memory`, megabytes("proportional", [role])),
    ]),
    row("Instance at rest: resident memory", [(instance?.resident ?? Number.NaN) / MEGABYTE]),
    row("Instance at rest: proportional memory", [(instance?.proportional ?? Number.NaN) / MEGABYTE], {
      of: "value",
      atMost: 50,
    }),
  ];
}

/** The roles whose memory has a goal together; one process that does all of it counts whole. */
const SERVING = ["gateway", "control", "server"];

function memoryOf(pids: readonly number[]): Memory {
  const memory = new Map<string, { resident: number; proportional: number }>();
  for (const pid of pids) {
    const role = roleOf(pid);
    const sum = memory.get(role) ?? { resident: 0, proportional: 0 };
    memory.set(role, {
      resident: sum.resident + residentBytes(pid),
      proportional: sum.proportional + proportionalBytes(pid),
    });
  }
  return memory;
}

const capital = (word: string) => word[0]!.toUpperCase() + word.slice(1);
