/** A program: prints how well instances would be kept apart on this machine, as JSON. `tideway doctor` runs it. */
import { systemClock } from "../../base/clock.ts";
import { silentLog } from "../../base/log.ts";
import { openIsolation } from "./isolation.ts";

await using isolation = await openIsolation({
  sandbox: "auto",
  dataDir: `doctor ${process.pid}`,
  clock: systemClock,
  log: silentLog,
  env: process.env,
});
console.log(JSON.stringify(isolation.level));
