import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

import type { ExtractedFile } from "../objects/archive/extract-tar-gz.ts";

/** What an artifact in the cache consists of: kept beside its files, and held against them at each load. */
export interface ArtifactManifest {
  readonly digest: string;
  /** Of all files together. */
  readonly bytes: number;
  /** Sorted by path. */
  readonly files: readonly ExtractedFile[];
}

/** The digest of files that came without an archive: sha256 over lines as `sha256sum` prints them. */
export function digestOfFiles(files: readonly ExtractedFile[]): string {
  const hash = createHash("sha256");
  for (const { sha256, path } of files) hash.update(`${sha256}  ${path}\n`);
  return hash.digest("hex");
}

export async function writeManifest(folder: string, manifest: ArtifactManifest): Promise<void> {
  await writeFile(join(folder, "manifest.json"), JSON.stringify(manifest), { flush: true, mode: 0o640 });
}

/** The manifest of a cached artifact; undefined when it is not there or can not be read. */
export async function readManifest(folder: string): Promise<ArtifactManifest | undefined> {
  try {
    return JSON.parse(await readFile(join(folder, "manifest.json"), "utf8")) as ArtifactManifest;
  } catch {
    return undefined;
  }
}

/**
 * Reads every file of `model` and compares it with the manifest: the path of the first that differs, or undefined.
 * What is there beyond the manifest is removed: instances share the folder and may not add to it.
 */
export async function firstDamagedFile(
  model: string,
  manifest: ArtifactManifest,
  signal: AbortSignal,
): Promise<string | undefined> {
  await removeStrangers(model, new Set(manifest.files.map((file) => file.path)));
  for (const file of manifest.files) {
    signal.throwIfAborted();
    if ((await hashOf(join(model, file.path))) !== file.sha256) return file.path;
  }
  return undefined;
}

async function hashOf(path: string): Promise<string | undefined> {
  const hash = createHash("sha256");
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>)
      hash.update(chunk);
  } catch {
    return undefined;
  }
  return hash.digest("hex");
}

async function removeStrangers(model: string, known: ReadonlySet<string>): Promise<void> {
  const entries = await readdir(model, { withFileTypes: true, recursive: true }).catch(() => []);
  for (const entry of entries) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isDirectory() || (entry.isFile() && known.has(path.slice(model.length + 1)))) continue;
    await rm(path, { force: true });
  }
}
