/** What of isolation this machine can show. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../src/base/clock.ts";
import { silentLog } from "../../src/base/log.ts";
import { openIsolation } from "../../src/compute/isolation/isolation.ts";

const dataDir = mkdtempSync(join(tmpdir(), "tideway-isolation-"));
await using isolation = await openIsolation({
  sandbox: "auto",
  dataDir,
  clock: systemClock,
  log: silentLog,
  env: process.env,
});
rmSync(dataDir, { recursive: true });

/** Whether bubblewrap works here. */
export const hasSandbox = isolation.level.sandbox === "bubblewrap";
/** Whether cgroups may be made here. */
export const hasCgroups = isolation.level.memory !== "watchdog";
