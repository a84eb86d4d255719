import { closeSync, fstatSync, mkdirSync, openSync, renameSync, writeSync } from "node:fs";
import { dirname } from "node:path";

/** A line longer than this is cut into several, so that one print can not fill memory. */
const LONGEST_LINE = 16_384;
const TAIL_LINES = 20;

/**
 * Puts what one run of an instance prints into files of bounded size, whole lines at a time: at half of `maxBytes` the
 * file becomes `<path>.1` and a new one begins. InstanceLog reads them.
 * Writes are synchronous: they keep the order of lines, and whoever prints faster than the disk is slowed down by its pipe.
 */
export class LogWriter implements Disposable {
  #path!: string;
  #half!: number;
  readonly #tail: string[] = [];
  #file!: number;
  #size = 0;
  #closed = false;

  constructor(path: string, maxBytes: number) {
    this.#open(path, maxBytes);
  }

  /** From here on lines go there; where that can not be opened, to where they went before. */
  moveTo(path: string, maxBytes: number): void {
    if (this.#closed) return;
    const before = this.#file;
    try {
      this.#open(path, maxBytes);
      closeSync(before);
    } catch {
      // As with a full disk: the program must not stand still for that.
    }
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

  /** The last lines of this run, oldest first. */
  tail(): readonly string[] {
    return [...this.#tail];
  }

  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    closeSync(this.#file);
  }

  #open(path: string, maxBytes: number): void {
    mkdirSync(dirname(path), { recursive: true });
    this.#file = openSync(path, "a", 0o640);
    this.#size = fstatSync(this.#file).size;
    this.#path = path;
    this.#half = Math.max(1, Math.floor(maxBytes / 2));
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
  }

  #write(bytes: Buffer): void {
    if (this.#size && this.#size + bytes.length > this.#half) this.#rotate();
    this.#size += writeSync(this.#file, bytes);
  }

  #rotate(): void {
    closeSync(this.#file);
    renameSync(this.#path, `${this.#path}.1`);
    this.#file = openSync(this.#path, "a", 0o640);
    this.#size = 0;
  }
}
