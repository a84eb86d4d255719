import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { chmod, mkdir, mkdtemp, open, rename, rm } from "node:fs/promises";
import { dirname, join, basename } from "node:path";
import { setImmediate } from "node:timers/promises";
import { promisify } from "node:util";

import { EntryNames } from "./entry-names.ts";
import { gunzip } from "./gunzip.ts";
import { InvalidArchive } from "./invalid-archive.ts";
import { syncFolder } from "../../base/durable-file.ts";
import { readTar, type TarEntry } from "./tar-reader.ts";

const run = promisify(execFile);

/** What an archive may hold at most. */
export interface ArchiveLimits {
  readonly entries: number;
  /** Of all files together, unpacked. */
  readonly bytes: number;
  /** Unpacked to packed, once more than `ratioSlackBytes` are unpacked. */
  readonly ratio: number;
  readonly ratioSlackBytes: number;
}

export const DEFAULT_LIMITS: ArchiveLimits = {
  entries: 100_000,
  bytes: 20 * 1024 ** 3,
  ratio: 1000,
  ratioSlackBytes: 64 * 1024 ** 2,
};

/** Bytes read and bytes unpacked so far. */
export interface ArchiveProgress {
  readonly compressed: number;
  readonly decompressed: number;
}

/** A file as it came out of an archive. */
export interface ExtractedFile {
  readonly path: string;
  readonly size: number;
  readonly sha256: string;
}

export interface Extracted {
  /** Sorted by path. */
  readonly files: readonly ExtractedFile[];
  /** Of all files together. */
  readonly bytes: number;
  /** Of the archive as it came, hex. */
  readonly sha256: string;
}

/**
 * Unpacks an untrusted `model.tar.gz` into a new folder, which appears whole and durable or not at all.
 * Files get mode 0640 and folders 0750, whatever the archive says. Throws InvalidArchive.
 */
export async function extractTarGz(
  source: AsyncIterable<Uint8Array>,
  targetDir: string,
  limits: ArchiveLimits,
  options: { signal: AbortSignal; onProgress?: (progress: ArchiveProgress) => void },
): Promise<Extracted> {
  await mkdir(dirname(targetDir), { recursive: true });
  const folder = await mkdtemp(join(dirname(targetDir), `.${basename(targetDir)}-`));
  try {
    const extracted = await unpack(source, folder, limits, options);
    await syncFiles(folder, extracted.files);
    await chmod(folder, 0o750);
    await rename(folder, targetDir);
    await syncFolder(dirname(targetDir));
    return extracted;
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

async function unpack(
  source: AsyncIterable<Uint8Array>,
  folder: string,
  limits: ArchiveLimits,
  { signal, onProgress }: { signal: AbortSignal; onProgress?: (progress: ArchiveProgress) => void },
): Promise<Extracted> {
  const hash = createHash("sha256");
  const progress = { compressed: 0, decompressed: 0 };
  const bounded = async function* () {
    for await (const chunk of gunzip(source, progress, (packed) => hash.update(packed))) {
      signal.throwIfAborted();
      checkGrowth(progress, limits);
      onProgress?.(progress);
      yield chunk;
    }
  };
  const names = new EntryNames();
  const files: ExtractedFile[] = [];
  const writer = new FileWriter();
  let entries = 0;
  let bytes = 0;
  for await (const entry of readTar(bounded())) {
    entries += 1;
    if (entries > limits.entries)
      throw new InvalidArchive(`The archive has more than ${limits.entries} entries.`);
    bytes += entry.size;
    if (bytes > limits.bytes)
      throw new InvalidArchive(`The archive holds more than ${limits.bytes} bytes, unpacked.`);
    if (entry.path === "") continue;
    names.add(entry.path, entry.kind);
    const path = `${folder}/${entry.path}`;
    if (entry.kind === "directory") await writer.addFolder(path);
    else files.push(await writer.write(entry, path));
  }
  await writer.flush();
  signal.throwIfAborted();
  files.sort((a, b) => (a.path < b.path ? -1 : 1));
  return { files, bytes, sha256: hash.digest("hex") };
}

/** Room for an entry's headers and padding. */
const ENTRY_OVERHEAD = 4096;

function checkGrowth(progress: ArchiveProgress, limits: ArchiveLimits): void {
  const { compressed, decompressed } = progress;
  if (decompressed > limits.ratioSlackBytes && decompressed > compressed * limits.ratio)
    throw new InvalidArchive(
      `The archive unpacks to more than ${limits.ratio} times its size, as only a decompression bomb does.`,
    );
  // Entries are counted as they come; this bounds what is between them.
  if (decompressed > limits.bytes + (limits.entries + 5) * ENTRY_OVERHEAD)
    throw new InvalidArchive(`The archive holds more than ${limits.bytes} bytes, unpacked.`);
}

const SMALL = 65_536;
/** What a small file that waits costs in memory beyond its content, about. */
const WAITING_OVERHEAD = 512;
const MAX_WAITING = 64 * 1024 ** 2;

/**
 * Writes the files of an archive. Small ones wait in memory first: an archive of a million is refused for its number
 * before the disk has seen one of them.
 */
class FileWriter {
  readonly #folders = new Set<string>();
  #waiting: { path: string; content?: Buffer }[] = [];
  #waitingBytes = 0;

  async addFolder(path: string): Promise<void> {
    await this.#wait({ path }, 0);
  }

  async #wait(entry: { path: string; content?: Buffer }, bytes: number): Promise<void> {
    this.#waiting.push(entry);
    this.#waitingBytes += bytes + WAITING_OVERHEAD;
    if (this.#waitingBytes > MAX_WAITING) await this.flush();
  }

  #makeFolder(path: string): void {
    if (this.#folders.has(path)) return;
    mkdirSync(path, { recursive: true, mode: 0o750 });
    this.#folders.add(path);
  }

  async write(entry: TarEntry, path: string): Promise<ExtractedFile> {
    const hash = createHash("sha256");
    if (entry.size <= SMALL) {
      const parts: Buffer[] = [];
      for (let part = await entry.read(); part.length; part = await entry.read()) parts.push(part);
      const content = Buffer.concat(parts);
      hash.update(content);
      await this.#wait({ path, content }, content.length);
    } else {
      this.#makeFolder(dirname(path));
      await using file = await open(path, "wx", 0o640);
      for (let part = await entry.read(); part.length; part = await entry.read()) {
        hash.update(part);
        await file.appendFile(part);
      }
    }
    return { path: entry.path, size: entry.size, sha256: hash.digest("hex") };
  }

  /** Writes what waits; other work has its turn after every few files. */
  async flush(): Promise<void> {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#waitingBytes = 0;
    for (const [index, { path, content }] of waiting.entries()) {
      this.#makeFolder(content ? dirname(path) : path);
      if (content) writeFileSync(path, content, { flag: "wx", mode: 0o640 });
      if (index % 10 === 9) await setImmediate();
    }
  }
}

const SYNCS_AT_ONCE = 16;
/** From so many files on, one call for the whole file system is quicker than one for each file. */
const MANY_FILES = 500;

async function syncFiles(root: string, files: readonly ExtractedFile[]): Promise<void> {
  if (files.length >= MANY_FILES && (await syncFileSystem(root))) return;
  const folders = new Set([root]);
  const queue = files.map((file) => join(root, file.path))[Symbol.iterator]();
  const worker = async () => {
    for (const path of queue) {
      await using file = await open(path, "r");
      await file.sync();
      for (let up = dirname(path); !folders.has(up); up = dirname(up)) folders.add(up);
    }
  };
  await Promise.all(Array.from({ length: SYNCS_AT_ONCE }, worker));
  for (const folder of folders) await syncFolder(folder);
}

/** syncfs(2), which Node does not offer, by coreutils' sync; false where there is none. */
async function syncFileSystem(path: string): Promise<boolean> {
  if (process.platform !== "linux") return false;
  return run("sync", ["--file-system", path]).then(
    () => true,
    () => false,
  );
}
