import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { ServerProcess } from "../../src/cli/server-process.ts";
import { Echo } from "../echo.ts";
import { familyOf, proportionalBytes, residentBytes } from "../processes.ts";
import type { Bench, Row } from "../row.ts";
import { median, spread } from "../statistics.ts";

const MIB = 1024 * 1024;

/** How soon a fresh server is ready, and what server and instance hold when nobody asks them. */
export async function restRows({ subject, quick, note }: Bench): Promise<Row[]> {
  const rounds = quick ? 3 : 7;
  const ready: { tideway: number[]; baseline: number[] } = { tideway: [], baseline: [] };
  const resident: { tideway: number[]; baseline: number[] } = { tideway: [], baseline: [] };
  for (let round = 0; round < rounds; round++) {
    const folder = await mkdtemp(join(tmpdir(), "tideway-bench-"));
    {
      const start = performance.now();
      await using server = await ServerProcess.start(join(folder, "data"), process.env);
      ready.tideway.push(performance.now() - start);
      await pause(500);
      resident.tideway.push(residentBytes(server.pid!) / MIB);
    }
    await rm(folder, { recursive: true, force: true });
    const start = performance.now();
    await using echo = await Echo.start();
    ready.baseline.push(performance.now() - start);
    await pause(500);
    resident.baseline.push(residentBytes(echo.pid) / MIB);
  }
  // An instance of its own, which nobody has asked yet.
  const before = new Set(familyOf(subject.server.pid!));
  await subject.deploy("rest");
  const instances = familyOf(subject.server.pid!).filter((pid) => !before.has(pid));
  await pause(500);
  const instance = instances.reduce((sum, pid) => sum + proportionalBytes(pid), 0) / MIB;
  await subject.remove("rest");
  note(`rest: ${rounds} rounds`);

  const against = "bare node:http";
  const row = (name: string, unit: Row["unit"], of: typeof ready, atMost: number): Row => ({
    name,
    unit,
    tideway: median(of.tideway),
    baseline: median(of.baseline),
    against,
    spread: [spread(of.tideway), spread(of.baseline)],
    goal: { of: "value", atMost },
  });
  return [
    row("Server: start to ready", "ms", ready, 1000),
    row("Server: resident memory at rest", "MiB", resident, 120),
    {
      name: "Instance: proportional memory at rest",
      unit: "MiB",
      tideway: instances.length === 0 ? Number.NaN : instance,
      goal: { of: "value", atMost: 50 },
    },
  ];
}
