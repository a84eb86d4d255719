import { systemClock } from "../../../src/base/clock.ts";
import { silentLog } from "../../../src/base/log.ts";
import { openLocalProcessHost } from "../../../src/compute/process/local-process-host.ts";
import { processHostContract } from "../../contracts/process-host.ts";

processHostContract("in this process", async (dir) => {
  const host = openLocalProcessHost({ dir, clock: systemClock, log: silentLog, graceMs: 50 });
  return { host, close: () => host[Symbol.asyncDispose]() };
});
