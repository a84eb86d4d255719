import { closeSync, fstatSync, openSync, readSync } from "node:fs";

import type { Clock } from "../../base/clock.ts";

/** How long a follower sleeps when there is nothing new. */
const POLL_MS = 100;
const CHUNK = 65_536;

/**
 * Reads what an instance printed: from the files alone, which another process may be writing (LogWriter).
 * A file that is being read stays open, so neither a rotation nor a removal takes away what is in it.
 */
export class InstanceLog implements Disposable {
  readonly path: string;
  readonly #clock: Clock;
  readonly #closing = new AbortController();

  constructor(path: string, clock: Clock) {
    this.path = path;
    this.#clock = clock;
  }

  /** All lines that are kept; with `follow`, then each new one until `signal` aborts or the log is closed. */
  async *lines(follow: boolean, signal: AbortSignal): AsyncGenerator<string> {
    const decoder = new TextDecoder();
    let rest = "";
    for await (const chunk of this.#chunks(follow, signal)) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      yield* lines;
    }
  }

  /** Nothing will be written any more: followers read to the end and stop. */
  [Symbol.dispose](): void {
    this.#closing.abort();
  }

  async *#chunks(follow: boolean, signal: AbortSignal): AsyncGenerator<Buffer> {
    const files: number[] = [];
    const over = AbortSignal.any([signal, this.#closing.signal]);
    try {
      while (!signal.aborted) {
        const closed = this.#closing.signal.aborted;
        const chunk = read(files[0]);
        const newer = chunk.length || files.length > 1 ? undefined : this.#after(files[0]);
        if (chunk.length) yield chunk;
        else if (files.length > 1) closeSync(files.shift()!);
        else if (newer !== undefined) files.push(newer);
        else if (follow && !closed) await pause(this.#clock, over);
        else return;
      }
    } finally {
      for (const file of files) closeSync(file);
    }
  }

  /** The file that follows this one, opened; undefined when this is the newest. */
  #after(file: number | undefined): number | undefined {
    if (file === undefined) return open(`${this.path}.1`) ?? open(this.path);
    const current = open(this.path);
    if (current === undefined || isSame(current, file)) return close(current);
    const previous = open(`${this.path}.1`);
    if (previous === undefined || isSame(previous, file)) {
      close(previous);
      return current;
    }
    // The reader was so slow that a whole file came and went: it goes on with the oldest that is left.
    close(current);
    return previous;
  }
}

function read(file: number | undefined): Buffer {
  if (file === undefined) return Buffer.alloc(0);
  const chunk = Buffer.allocUnsafe(CHUNK);
  return chunk.subarray(0, readSync(file, chunk));
}

function open(path: string): number | undefined {
  try {
    return openSync(path, "r");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

function close(file: number | undefined): undefined {
  if (file !== undefined) closeSync(file);
}

function isSame(one: number, other: number): boolean {
  return fstatSync(one).ino === fstatSync(other).ino;
}

/** Resolves after a while, or at once when the signal aborts. */
function pause(clock: Clock, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = () => {
      cancel();
      signal.removeEventListener("abort", done);
      resolve();
    };
    const cancel = clock.after(POLL_MS, done);
    signal.addEventListener("abort", done);
  });
}
