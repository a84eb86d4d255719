import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { join } from "node:path";

import { systemClock } from "../../../src/base/clock.ts";
import { silentLog } from "../../../src/base/log.ts";
import { systemRandom } from "../../../src/base/random.ts";
import { ArtifactCache } from "../../../src/compute/artifact-cache.ts";
import type { ArtifactSource, Engine } from "../../../src/compute/engine.ts";
import { openLocalProcessHost } from "../../../src/compute/process/local-process-host.ts";
import type { ProcessHost } from "../../../src/compute/process/process-host.ts";
import { openProcessEngine, type ProcessEngineOptions } from "../../../src/compute/process/process-engine.ts";
import { PATIENCE } from "../../contracts/instances.ts";
import { tarGz } from "../../objects/archive/tar-bytes.ts";
import { MemoryObjectStore } from "../memory-object-store.ts";

const file = (path: string) => fileURLToPath(new URL(`../../../${path}`, import.meta.url));
export const CONTRACT_SERVER = file("test/contracts/contract-server.mjs");

/** A process engine on a temporary folder, whose images `socket` and `port` run the contract server. */
export interface ProcessFixture {
  readonly host: ProcessHost;
  readonly engine: Engine;
  readonly objects: MemoryObjectStore;
  readonly dir: string;
  readonly close: () => Promise<void>;
}

export const gzip = (key: string): ArtifactSource => ({
  uri: `s3://bucket/${key}`,
  dataType: "S3Object",
  compression: "Gzip",
});

/** On a host of its own, which ends with it, unless it is given one. */
export async function processFixture(options: Partial<ProcessEngineOptions> = {}): Promise<ProcessFixture> {
  const root = mkdtempSync(join(tmpdir(), "tideway-engine-"));
  const dir = options.dir ?? join(root, "instances");
  const objects = new MemoryObjectStore();
  objects.add("model.tar.gz", tarGz({ name: "model.txt", content: "weights" }));
  const commands: Record<string, readonly string[]> = {
    socket: [process.execPath, CONTRACT_SERVER, "{socket}", "{model_dir}"],
    port: [process.execPath, CONTRACT_SERVER, "{port}"],
    absent: ["no-such-program"],
  };
  const { graceMs } = PATIENCE;
  await using parts = new AsyncDisposableStack();
  parts.defer(() => rmSync(root, { recursive: true, force: true }));
  const host =
    options.host ?? parts.use(openLocalProcessHost({ dir, clock: systemClock, log: silentLog, graceMs }));
  const engine = openProcessEngine({
    dir,
    artifacts: new ArtifactCache(join(root, "artifacts"), objects, {
      clock: systemClock,
      random: systemRandom,
      log: silentLog,
    }),
    aliases: { find: (image) => commands[image] },
    clock: systemClock,
    // Restarts without the backoff's random half.
    random: { ...systemRandom, number: () => 0 },
    log: silentLog,
    region: "us-east-1",
    nodePath: process.execPath,
    modelServerPath: file("src/model-server/main.ts"),
    pythonPath: "python3",
    scriptServerPath: file("python/tideway_script_server"),
    env: { ...process.env, AWS_SECRET_ACCESS_KEY: "secret", AWS_SESSION_TOKEN: "token" },
    patience: PATIENCE,
    ...options,
    host,
  });
  parts.use(engine);
  const owned = parts.move();
  return {
    host,
    engine,
    objects,
    dir,
    close: async () => owned.disposeAsync(),
  };
}
