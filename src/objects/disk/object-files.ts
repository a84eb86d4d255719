/** The bytes of objects: immutable files with random names, each whole and durable before anyone hears of it. */
import { createHash } from "node:crypto";
import { closeSync, createReadStream, fsyncSync, mkdirSync, openSync, rmSync } from "node:fs";
import { type FileHandle, open, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Random } from "../../base/random.ts";
import { StorageFull } from "../../base/sqlite/database.ts";

/** A file that no row names yet: removed when it goes out of scope, unless kept. */
export interface StagedFile extends AsyncDisposable {
  readonly file: string;
  readonly size: number;
  /** Hex. */
  readonly md5: string;
  keep(): void;
}

/** A stretch of a file. */
export interface Slice {
  readonly file: string;
  readonly start: number;
  readonly length: number;
}

export class ObjectFiles {
  readonly #dir: string;
  readonly #random: Random;
  readonly #fatal: (error: Error) => void;
  /** Renamed into place, not yet committed: the sweep must let them be. */
  readonly #staged = new Set<string>();
  /** How many readers still need a file. */
  readonly #readers = new Map<string, number>();
  readonly #doomed = new Set<string>();

  constructor(dir: string, random: Random, fatal: (error: Error) => void) {
    this.#dir = dir;
    this.#random = random;
    this.#fatal = fatal;
    rmSync(join(dir, "tmp"), { recursive: true, force: true });
    for (const folder of ["tmp", ...FOLDERS]) mkdirSync(join(dir, folder), { recursive: true });
    const handle = openSync(dir, "r");
    try {
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
  }

  /** Writes a whole body to a durable file; refuses with TooLarge above `limit` bytes. */
  async stage(body: AsyncIterable<Uint8Array>, limit = Infinity): Promise<StagedFile> {
    const file = this.#random.uuid().replaceAll("-", "");
    const temporary = join(this.#dir, "tmp", file);
    const md5 = createHash("md5");
    let size = 0;
    const counted = async function* () {
      for await (const chunk of body) {
        size += chunk.byteLength;
        if (size > limit) throw new TooLarge(`more than ${limit} bytes`);
        md5.update(chunk);
        yield chunk;
      }
    };
    try {
      const handle = await open(temporary, "wx", 0o640);
      try {
        await handle.writeFile(counted());
        await this.#sync(handle);
      } finally {
        await handle.close();
      }
      this.#staged.add(file);
      await rename(temporary, this.#path(file));
      const folder = await open(join(this.#dir, file.slice(0, 2)), "r");
      try {
        await this.#sync(folder);
      } finally {
        await folder.close();
      }
    } catch (error) {
      this.#staged.delete(file);
      await Promise.all([temporary, this.#path(file)].map((path) => rm(path, { force: true })));
      throw NO_ROOM.has((error as NodeJS.ErrnoException).code ?? "")
        ? new StorageFull("the disk has no room for the object", { cause: error })
        : error;
    }
    return {
      file,
      size,
      md5: md5.digest("hex"),
      keep: () => void this.#staged.delete(file),
      [Symbol.asyncDispose]: async () => {
        if (this.#staged.delete(file)) await rm(this.#path(file), { force: true });
      },
    };
  }

  /** The bytes of slices, one after the other; the files stay until all is read, given up or aborted. */
  read(slices: readonly Slice[], signal?: AbortSignal): AsyncIterableIterator<Uint8Array> {
    for (const { file } of slices) this.#readers.set(file, (this.#readers.get(file) ?? 0) + 1);
    let held = true;
    const release = () => {
      if (!held) return;
      held = false;
      signal?.removeEventListener("abort", release);
      for (const { file } of slices) this.#release(file);
    };
    if (signal?.aborted) release();
    else signal?.addEventListener("abort", release);
    const bytes = this.#bytes(slices, signal);
    // not a generator: one that was never started skips its `finally`, and the files would stay for good
    return {
      async next() {
        try {
          const step = await bytes.next();
          if (step.done) release();
          return step;
        } catch (error) {
          release();
          throw error;
        }
      },
      async return() {
        release();
        return bytes.return(undefined);
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }

  async *#bytes(
    slices: readonly Slice[],
    signal: AbortSignal | undefined,
  ): AsyncGenerator<Uint8Array, undefined> {
    for (const { file, start, length } of slices) {
      if (length === 0) continue;
      if (length <= AT_ONCE) {
        signal?.throwIfAborted();
        yield await this.#readAll(file, start, length);
        continue;
      }
      let left = length;
      const stream = createReadStream(this.#path(file), {
        start,
        end: start + length - 1,
        highWaterMark: 1 << 18,
        ...(signal && { signal }),
      });
      for await (const chunk of stream as AsyncIterable<Buffer>) {
        left -= chunk.byteLength;
        yield chunk;
      }
      if (left > 0) throw shorter(file, left);
    }
    return undefined;
  }

  async #readAll(file: string, start: number, length: number): Promise<Uint8Array> {
    const handle = await open(this.#path(file), "r");
    try {
      const bytes = Buffer.allocUnsafe(length);
      for (let at = 0; at < length;) {
        const { bytesRead } = await handle.read(bytes, at, length - at, start + at);
        if (bytesRead === 0) throw shorter(file, length - at);
        at += bytesRead;
      }
      return bytes;
    } finally {
      await handle.close();
    }
  }

  /** Unlinks a file as soon as no reader needs it; tells whether that was now. */
  async remove(file: string): Promise<boolean> {
    if (this.#readers.has(file)) {
      this.#doomed.add(file);
      return false;
    }
    await rm(this.#path(file), { force: true });
    return true;
  }

  /** Unlinks what a crash left between rename and commit; one folder at a time. */
  async sweep(isNamed: (file: string) => boolean, signal: AbortSignal): Promise<number> {
    let removed = 0;
    for (const folder of FOLDERS) {
      if (signal.aborted) break;
      for (const file of await readdir(join(this.#dir, folder)))
        if (!this.#staged.has(file) && !isNamed(file) && !this.#readers.has(file)) {
          await rm(join(this.#dir, folder, file), { force: true });
          removed++;
        }
    }
    return removed;
  }

  #release(file: string): void {
    const left = this.#readers.get(file)! - 1;
    if (left > 0) return void this.#readers.set(file, left);
    this.#readers.delete(file);
    // its row in `garbage` stays until the next start, which finds nothing to unlink
    if (this.#doomed.delete(file)) rm(this.#path(file), { force: true }).catch(() => {});
  }

  async #sync(handle: FileHandle): Promise<void> {
    try {
      await handle.sync();
    } catch (error) {
      // what a failed fsync lost stays lost, though the next one succeeds: only a restart is safe
      if (!NO_ROOM.has((error as NodeJS.ErrnoException).code ?? "")) this.#fatal(error as Error);
      throw error;
    }
  }

  #path(file: string): string {
    return join(this.#dir, file.slice(0, 2), file);
  }
}

/** The body is longer than what one object, or part, may hold. */
export class TooLarge extends Error {
  override readonly name = "TooLarge";
}

/** What is read in one go: a stream costs more than such a read. */
const AT_ONCE = 1 << 18;

const shorter = (file: string, left: number) =>
  new Error(`the file ${file} of the object store is ${left} bytes shorter than it was`);

const FOLDERS = Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, "0"));
const NO_ROOM = new Set(["ENOSPC", "EDQUOT"]);
