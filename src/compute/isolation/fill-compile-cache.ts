import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { HEAP_FLAGS } from "../../base/heap-flags.ts";
import { CHANNEL_FD, CHANNEL_USES } from "../../base/instance-channel.ts";

/**
 * Lets the built-in model server compile its code once outside of a sandbox, where instances read it and can't write it:
 * one that is taken over could otherwise leave code for the others. Starts are slower until it is there.
 */
export function fillCompileCache(nodePath: string, modelServerPath: string, cache: string): void {
  const filled = statSync(cache, { throwIfNoEntry: false });
  if (filled && filled.mtimeMs > statSync(modelServerPath).mtimeMs) return;
  rmSync(cache, { recursive: true, force: true });
  mkdirSync(cache, { recursive: true, mode: 0o750 });
  // V8 takes what was compiled under the same flags only.
  for (const flags of [HEAP_FLAGS, []]) {
    const empty = mkdtempSync(join(tmpdir(), "tideway-empty-"));
    // Loads everything, as a warm worker; hears that there is no work, and ends.
    const child = spawn(nodePath, [...flags, modelServerPath], {
      env: {
        NODE_COMPILE_CACHE: cache,
        TIDEWAY_CHANNEL: CHANNEL_USES.wait,
        TIDEWAY_SOCKET: join(empty, "s"),
      },
      stdio: ["ignore", "ignore", "ignore", "pipe"],
      timeout: 60_000,
    });
    const channel = child.stdio[CHANNEL_FD] as Duplex | null;
    channel?.on("error", () => {}).end();
    channel?.resume();
    const done = () => rmSync(empty, { recursive: true, force: true });
    child.once("exit", done).once("error", done);
  }
}
