import { closeSync, mkdirSync, openSync, readSync, renameSync, statSync, writeSync } from "node:fs";
import { dirname } from "node:path";

/** A line longer than this is cut into several, so that one print can not fill memory. */
const LONGEST_LINE = 16_384;
const TAIL_LINES = 20;

/**
 * What an instance printed, in a file of bounded size: at half of `maxBytes` the file becomes `<path>.1` and a new one begins.
 * Writes are synchronous: they keep the order of lines, and whoever prints faster than the disk is slowed down by its pipe.
 */
export class InstanceLog implements Disposable {
  readonly path: string;
  readonly #half: number;
  readonly #tail: string[] = [];
  readonly #waiting = new Set<() => void>();
  #file: number;
  /** Offsets count from the first byte that was still there when the log was opened. */
  #previousStart = 0;
  #currentStart = 0;
  #end = 0;
  #closed = false;

  constructor(path: string, maxBytes: number) {
    mkdirSync(dirname(path), { recursive: true });
    this.path = path;
    this.#half = Math.max(1, Math.floor(maxBytes / 2));
    this.#currentStart = statSync(`${path}.1`, { throwIfNoEntry: false })?.size ?? 0;
    this.#end = this.#currentStart + (statSync(path, { throwIfNoEntry: false })?.size ?? 0);
    this.#file = openSync(path, "a", 0o640);
  }

  /** Takes a stream of a program until it ends; bytes that are not UTF-8 are replaced. */
  async record(stream: AsyncIterable<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    let rest = "";
    try {
      for await (const chunk of stream) {
        const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
        rest = lines.pop() ?? "";
        while (rest.length > LONGEST_LINE) {
          lines.push(rest.slice(0, LONGEST_LINE));
          rest = rest.slice(LONGEST_LINE);
        }
        this.#append(lines);
      }
    } catch {
      // The pipe broke with its process: what came so far stays.
    }
    if (rest) this.#append([rest]);
  }

  /** The last lines, oldest first. */
  tail(): readonly string[] {
    return [...this.#tail];
  }

  /** Forgets the tail: a new run of the program begins. */
  restart(): void {
    this.#tail.length = 0;
  }

  /** All lines that are kept; with `follow`, then each new one until `signal` aborts or the log is closed. */
  async *lines(follow: boolean, signal: AbortSignal): AsyncGenerator<string> {
    let position = this.#previousStart;
    let rest = "";
    const decoder = new TextDecoder();
    while (!signal.aborted) {
      const chunk = this.#read(Math.max(position, this.#previousStart));
      if (chunk.length) {
        position = Math.max(position, this.#previousStart) + chunk.length;
        const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
        rest = lines.pop() ?? "";
        yield* lines;
      } else if (follow && !this.#closed) await this.#change(signal);
      else break;
    }
  }

  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    closeSync(this.#file);
    this.#wake();
  }

  #append(lines: readonly string[]): void {
    if (!lines.length || this.#closed) return;
    const plain = lines.map((line) => line.replace(/\r$/, ""));
    try {
      this.#write(Buffer.from(`${plain.join("\n")}\n`));
    } catch {
      // The disk is full: the program must not stand still for that. Its lines are lost, but for the tail.
    }
    this.#tail.push(...plain.slice(-TAIL_LINES));
    this.#tail.splice(0, this.#tail.length - TAIL_LINES);
    this.#wake();
  }

  #write(bytes: Buffer): void {
    const size = this.#end - this.#currentStart;
    if (size && size + bytes.length > this.#half) this.#rotate();
    this.#end += writeSync(this.#file, bytes);
  }

  #rotate(): void {
    closeSync(this.#file);
    renameSync(this.path, `${this.path}.1`);
    this.#file = openSync(this.path, "a", 0o640);
    this.#previousStart = this.#currentStart;
    this.#currentStart = this.#end;
  }

  #read(position: number): Buffer {
    const previous = position < this.#currentStart;
    const until = previous ? this.#currentStart : this.#end;
    const chunk = Buffer.alloc(Math.min(65_536, until - position));
    if (!chunk.length) return chunk;
    const file = openSync(previous ? `${this.path}.1` : this.path, "r");
    try {
      const start = previous ? this.#previousStart : this.#currentStart;
      return chunk.subarray(0, readSync(file, chunk, 0, chunk.length, position - start));
    } finally {
      closeSync(file);
    }
  }

  #change(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        this.#waiting.delete(done);
        signal.removeEventListener("abort", done);
        resolve();
      };
      this.#waiting.add(done);
      signal.addEventListener("abort", done, { once: true });
    });
  }

  #wake(): void {
    for (const waiting of this.#waiting) waiting();
  }
}
