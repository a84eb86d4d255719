import { createHash } from "node:crypto";
import { mkdirSync, rmSync } from "node:fs";
import { chmod, mkdir, readdir, readFile, rename, rm, stat, utimes } from "node:fs/promises";
import { join } from "node:path";

import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import { DEFAULT_LIMITS, type ArchiveLimits } from "../objects/archive/extract-tar-gz.ts";
import { InvalidArchive } from "../objects/archive/invalid-archive.ts";
import { syncFolder, writeDurableFile } from "../base/durable-file.ts";
import { NoSuchObject, type ObjectStore } from "../objects/object-store.ts";
import { fetchArtifact, findArtifact } from "./artifact-fetch.ts";
import { firstDamagedFile, readManifest, writeManifest, type ArtifactManifest } from "./artifact-manifest.ts";
import { ArtifactError, type ArtifactLease, type ArtifactProgress, type Artifacts } from "./artifacts.ts";
import type { ArtifactSource } from "./engine.ts";

export interface ArtifactCachePorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly limits?: ArchiveLimits;
  /** Unused artifacts beyond this are removed, the longest unused first. */
  readonly maxBytes?: number;
}

const MAX_BYTES = 50 * 1024 ** 3;

/** A fetch that several instances may wait for. */
interface Job {
  readonly result: Promise<ArtifactManifest>;
  readonly abort: AbortController;
  readonly listeners: Set<(progress: ArtifactProgress) => void>;
  progress: ArtifactProgress | undefined;
  waiting: number;
  /** Kept from eviction until everybody who waited has a lease. */
  pinned: string | undefined;
}

/**
 * Artifacts on local disk, each under the hash of its content, shared by all instances:
 * `<digest>/model/` and `<digest>/manifest.json`, `sources/` (what an address held when last seen), `fetching/`.
 */
export class ArtifactCache implements Artifacts {
  readonly #dir: string;
  readonly #objects: ObjectStore;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #log: Log;
  readonly #limits: ArchiveLimits;
  readonly #maxBytes: number;
  readonly #jobs = new Map<string, Job>();
  readonly #held = new Map<string, number>();

  constructor(dir: string, objects: ObjectStore, ports: ArtifactCachePorts) {
    this.#dir = dir;
    this.#objects = objects;
    this.#clock = ports.clock;
    this.#random = ports.random;
    this.#log = ports.log;
    this.#limits = ports.limits ?? DEFAULT_LIMITS;
    this.#maxBytes = ports.maxBytes ?? MAX_BYTES;
    // What an earlier run did not finish is of no use.
    rmSync(join(dir, "fetching"), { recursive: true, force: true });
    mkdirSync(join(dir, "sources"), { recursive: true, mode: 0o750 });
  }

  async ensure(
    source: ArtifactSource,
    { signal, onProgress }: { signal: AbortSignal; onProgress?: (progress: ArtifactProgress) => void },
  ): Promise<ArtifactLease> {
    signal.throwIfAborted();
    const key = JSON.stringify([source.uri, source.dataType, source.compression, source.digest]);
    const job = this.#jobs.get(key) ?? this.#start(key, source);
    job.waiting += 1;
    if (onProgress) {
      job.listeners.add(onProgress);
      if (job.progress) onProgress(job.progress);
    }
    const aborted = Promise.withResolvers<never>();
    const abort = () => aborted.reject(signal.reason as Error);
    signal.addEventListener("abort", abort);
    try {
      return this.#lease(await Promise.race([job.result, aborted.promise]));
    } finally {
      signal.removeEventListener("abort", abort);
      if (onProgress) job.listeners.delete(onProgress);
      job.waiting -= 1;
      if (job.waiting === 0) this.#finish(key, job);
    }
  }

  /** Nobody waits for the job any more; one that is done does not hear the abort. */
  #finish(key: string, job: Job): void {
    if (this.#jobs.get(key) === job) this.#jobs.delete(key);
    job.abort.abort(new Error("nobody waits for the artifact any more"));
    if (job.pinned !== undefined) this.#unpin(job.pinned);
    job.pinned = undefined;
  }

  #pin(digest: string): void {
    this.#held.set(digest, (this.#held.get(digest) ?? 0) + 1);
  }

  #unpin(digest: string): void {
    const left = (this.#held.get(digest) ?? 0) - 1;
    if (left > 0) this.#held.set(digest, left);
    else this.#held.delete(digest);
  }

  #start(key: string, source: ArtifactSource): Job {
    const abort = new AbortController();
    const listeners = new Set<(progress: ArtifactProgress) => void>();
    const report = (progress: ArtifactProgress) => {
      job.progress = progress;
      for (const listener of listeners) listener(progress);
    };
    const result = this.#load(source, abort.signal, report).then(
      (manifest) => {
        if (job.waiting) job.pinned = manifest.digest;
        else this.#unpin(manifest.digest);
        if (this.#jobs.get(key) === job) this.#jobs.delete(key);
        return manifest;
      },
      (error: unknown) => {
        if (this.#jobs.get(key) === job) this.#jobs.delete(key);
        throw explain(source, error);
      },
    );
    result.catch(() => {});
    const job: Job = { result, abort, listeners, progress: undefined, waiting: 0, pinned: undefined };
    this.#jobs.set(key, job);
    return job;
  }

  /** The manifest, its digest pinned. */
  async #load(
    source: ArtifactSource,
    signal: AbortSignal,
    report: (progress: ArtifactProgress) => void,
  ): Promise<ArtifactManifest> {
    // What the endpoint was created with is served on, whatever became of the object.
    const known = source.digest && (await this.#verified(source.digest, signal));
    if (known) return known;
    const found = await findArtifact(source, this.#objects, this.#limits);
    signal.throwIfAborted();
    const note = join(
      this.#dir,
      "sources",
      sha256(JSON.stringify([source.uri, source.dataType, source.compression])),
    );
    if (!source.digest) {
      const seen = await readNote(note);
      const unchanged =
        seen?.fingerprint === found.fingerprint && (await this.#verified(seen.digest, signal));
      if (unchanged) return unchanged;
    }
    const folder = join(this.#dir, "fetching", this.#random.uuid());
    try {
      await mkdir(folder, { recursive: true, mode: 0o750 });
      const { manifest, fingerprint } = await fetchArtifact(
        source,
        found,
        this.#objects,
        join(folder, "model"),
        this.#limits,
        { signal, onBytes: inSteps(found.bytes, report) },
      );
      if (source.digest && manifest.digest !== source.digest)
        throw new ArtifactError(
          `${source.uri} is not what it was when the endpoint was created: its sha256 is ${manifest.digest} instead of ${source.digest}. ` +
            `Put the original back, or update the endpoint with a new model.`,
        );
      await this.#install(folder, manifest, signal);
      await writeDurableFile(note, JSON.stringify({ uri: source.uri, fingerprint, digest: manifest.digest }));
      await this.#evict();
      return manifest;
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  /** The manifest of a cached artifact whose files are all as they came, its digest pinned; undefined when it can not be used. */
  async #verified(digest: string, signal: AbortSignal): Promise<ArtifactManifest | undefined> {
    this.#pin(digest);
    let manifest: ArtifactManifest | undefined;
    try {
      manifest = await this.#verify(digest, signal);
      return manifest;
    } finally {
      if (!manifest) this.#unpin(digest);
    }
  }

  async #verify(digest: string, signal: AbortSignal): Promise<ArtifactManifest | undefined> {
    const folder = join(this.#dir, digest);
    const manifest = await readManifest(folder);
    if (!manifest) return undefined;
    const damaged =
      manifest.digest === digest
        ? await firstDamagedFile(join(folder, "model"), manifest, signal)
        : "manifest.json";
    if (damaged === undefined) {
      const now = this.#clock.now() / 1000;
      await utimes(folder, now, now);
      return manifest;
    }
    this.#log.warn("A file of a cached artifact is damaged; it is fetched again.", { digest, file: damaged });
    return undefined;
  }

  /** Moves a fetched artifact to its place; a damaged one that is there makes room. */
  async #install(folder: string, manifest: ArtifactManifest, signal: AbortSignal): Promise<void> {
    for (const file of manifest.files) await chmod(join(folder, "model", file.path), 0o440);
    await writeManifest(folder, manifest);
    await syncFolder(folder);
    const place = join(this.#dir, manifest.digest);
    if (await this.#verified(manifest.digest, signal)) return;
    const aside = `${folder}-damaged`;
    await rename(place, aside).catch(ignoreMissing);
    this.#pin(manifest.digest);
    await rename(folder, place);
    await syncFolder(this.#dir);
    await rm(aside, { recursive: true, force: true });
  }

  #lease({ digest, files }: ArtifactManifest): ArtifactLease {
    this.#pin(digest);
    let released = false;
    return {
      path: join(this.#dir, digest, "model"),
      digest,
      files: files.map((file) => file.path),
      release: () => {
        if (released) return;
        released = true;
        this.#unpin(digest);
      },
    };
  }

  async #evict(): Promise<void> {
    const cached: { digest: string; bytes: number; usedAt: number }[] = [];
    for (const digest of await readdir(this.#dir)) {
      const manifest = await readManifest(join(this.#dir, digest));
      if (!manifest) continue;
      const { mtimeMs } = await stat(join(this.#dir, digest));
      cached.push({ digest, bytes: manifest.bytes, usedAt: mtimeMs });
    }
    let total = cached.reduce((sum, { bytes }) => sum + bytes, 0);
    for (const { digest, bytes } of cached.sort((a, b) => a.usedAt - b.usedAt)) {
      if (total <= this.#maxBytes) return;
      if (this.#held.has(digest)) continue;
      // Out of sight first: an eviction that a crash interrupts leaves nothing half there.
      const aside = join(this.#dir, "fetching", `${digest}-evicted`);
      await rename(join(this.#dir, digest), aside);
      await rm(aside, { recursive: true, force: true });
      total -= bytes;
      this.#log.info("Removed an unused artifact from the cache.", { digest, bytes });
    }
  }
}

/** Reports only what is worth a look: each hundredth, but at least a mebibyte, and the end. */
function inSteps(totalBytes: number, report: (progress: ArtifactProgress) => void): (bytes: number) => void {
  const step = Math.max(1 << 20, totalBytes / 100);
  let next = 0;
  return (bytes) => {
    if (bytes < next && bytes < totalBytes) return;
    next = bytes + step;
    report({ bytes, totalBytes });
  };
}

async function readNote(path: string): Promise<{ fingerprint: string; digest: string } | undefined> {
  try {
    const { fingerprint, digest } = JSON.parse(await readFile(path, "utf8")) as Record<string, unknown>;
    return typeof fingerprint === "string" && typeof digest === "string" && /^[0-9a-f]{64}$/.test(digest)
      ? { fingerprint, digest }
      : undefined;
  } catch {
    return undefined;
  }
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== "ENOENT") throw error;
}

/** Every failure as a sentence that names the address. */
function explain(source: ArtifactSource, error: unknown): unknown {
  if (error instanceof ArtifactError) return error;
  const { message } = error as Error;
  if (error instanceof NoSuchObject)
    return new ArtifactError(
      `The model data at ${source.uri} was not found: ${message} Upload it there, or correct the model's address.`,
    );
  if (error instanceof InvalidArchive)
    return new ArtifactError(`The model data at ${source.uri} is refused. ${message}`);
  return new ArtifactError(`The model data at ${source.uri} could not be fetched: ${message}`);
}
