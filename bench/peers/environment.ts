import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { access, readFile, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Peer } from "./peers.ts";

const run = promisify(execFile);
const INSTALL_MS = 600_000;

/** A folder with a peer's programs, or why there is none. */
export type Environment = { readonly bin: string } | { readonly missing: string };

/** Makes a Python environment of a peer's pinned packages, once: it is kept in the user's cache, by what is pinned. */
export async function environment({ requirements }: Pick<Peer, "requirements">): Promise<Environment> {
  const file = join(import.meta.dirname, "requirements", `${requirements}.txt`);
  try {
    const { stdout: python } = await run("python3", ["--version"]);
    const pinned = createHash("sha256")
      .update(python)
      .update(await readFile(file));
    const cache = process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache");
    const name = `${requirements}-${pinned.digest("hex").slice(0, 12)}`;
    const folder = join(cache, "tideway-bench", name);
    const bin = join(folder, "bin");
    const whole = join(folder, "installed");
    if (await exists(whole)) return { bin };
    await rm(folder, { recursive: true, force: true });
    const options = { timeout: INSTALL_MS, maxBuffer: 2 ** 26 };
    await run("python3", ["-m", "venv", folder], options);
    await run(join(bin, "pip"), ["install", "--quiet", "--requirement", file], options);
    await writeFile(whole, "");
    return { bin };
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: string };
    const lines = (stderr?.trim() || message).split("\n");
    return {
      missing: `it does not install: ${(lines.findLast((line) => line.startsWith("ERROR")) ?? lines.at(-1))?.slice(0, 200)}`,
    };
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
