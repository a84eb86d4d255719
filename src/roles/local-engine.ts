/** The engine of local processes, as control has it. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { moduleUrl } from "../base/module-url.ts";
import { ArtifactCache } from "../compute/artifact-cache.ts";
import type { Engine } from "../compute/engine.ts";
import type { ImageAliases } from "../compute/images.ts";
import type { Patience } from "../compute/process/instance.ts";
import { openIsolation } from "../compute/isolation/isolation.ts";
import { openProcessEngine } from "../compute/process/process-engine.ts";
import type { ProcessHost } from "../compute/process/process-host.ts";
import type { ObjectStore } from "../objects/object-store.ts";
import { type RolePorts, warmWorkers } from "./settings.ts";

/** Opens it in the data folder, on the host that owns the processes. */
export async function openLocalEngine(
  { clock, random, log, settings }: RolePorts,
  host: ProcessHost,
  objects: ObjectStore,
  aliases: ImageAliases,
  patience?: Partial<Patience>,
): Promise<Engine> {
  const { dataDir, region, env, sandbox = "auto", limits } = settings;
  const isolation = await openIsolation({ sandbox, dataDir, clock, log, env, ...(limits && { limits }) });
  await isolation.sweep(new Set(host.processes().map(({ id }) => id)));
  return openProcessEngine({
    dir: join(dataDir, "instances"),
    host,
    isolation,
    artifacts: new ArtifactCache(join(dataDir, "artifacts"), objects, { clock, random, log }),
    aliases,
    clock,
    random,
    log,
    region,
    nodePath: process.execPath,
    modelServerPath: fileURLToPath(moduleUrl(import.meta.url, "../model-server/main")),
    pythonPath: env["TIDEWAY_PYTHON"] ?? "python3",
    scriptServerPath: fileURLToPath(new URL("../../python/tideway_script_server", import.meta.url)),
    env,
    warmWorkers: warmWorkers(settings),
    ...(patience && { patience }),
  });
}
