import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HEAP_FLAGS } from "../../base/heap-flags.ts";

/**
 * Lets the built-in model server compile its code once outside of a sandbox, where instances read it and can't write it:
 * one that is taken over could otherwise leave code for the others. Starts are slower until it is there.
 */
export function fillCompileCache(nodePath: string, modelServerPath: string, cache: string): void {
  const filled = statSync(cache, { throwIfNoEntry: false });
  if (filled && filled.mtimeMs > statSync(modelServerPath).mtimeMs) return;
  rmSync(cache, { recursive: true, force: true });
  mkdirSync(cache, { recursive: true, mode: 0o750 });
  const empty = mkdtempSync(join(tmpdir(), "tideway-empty-"));
  // Finds no model in the empty folder, and ends.
  const child = spawn(nodePath, [...HEAP_FLAGS, modelServerPath], {
    env: { NODE_COMPILE_CACHE: cache, TIDEWAY_MODEL_DIR: empty, TIDEWAY_SOCKET: join(empty, "s") },
    stdio: "ignore",
    timeout: 60_000,
  });
  const done = () => rmSync(empty, { recursive: true, force: true });
  child.once("exit", done).once("error", done);
}
