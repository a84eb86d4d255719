/** What a program printed since the last look, from a log file that is rotated to `<path>.1` (compute's LogWriter). */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";

/** A place in a file that may have another name by now. */
interface FilePlace {
  /** Its inode. */
  readonly file: number;
  readonly offset: number;
}

export interface Output extends FilePlace {
  readonly lines: readonly string[];
  /** So much came before these lines and was left out. */
  readonly skipped: number;
  /** When the file was last written. */
  readonly writtenAt: number;
}

/** At most this much is read at a time while the program runs. */
const CHUNK = 256 * 1024;
/** What is further behind than this is left out, so that what is read is never old: below half of a log's files. */
const FURTHEST_BEHIND = 4 * 1024 * 1024;

/** Whole lines only; with `rest` everything there is, for the program has ended. Undefined when there is nothing new. */
export function readOutput(path: string, seen: FilePlace | undefined, rest = false): Output | undefined {
  const current = openFile(path);
  if (!current) return undefined;
  const previous = current.file === seen?.file ? undefined : openFile(`${path}.1`);
  try {
    if (!previous) return readFrom(current, seen?.file === current.file ? seen.offset : 0, rest);
    // Rotated meanwhile: first what is left of the file before.
    const known = previous.file === seen?.file;
    const left = readFrom(previous, known ? seen.offset : 0, true);
    // A whole file may have come and gone: nobody knows how much it was, but not less than one of these.
    const lost = seen && !known ? previous.size : 0;
    if (left) return { ...left, skipped: left.skipped + lost };
    return readFrom(current, 0, rest);
  } finally {
    closeSync(current.descriptor);
    if (previous) closeSync(previous.descriptor);
  }
}

interface OpenFile {
  readonly descriptor: number;
  readonly file: number;
  readonly size: number;
  readonly writtenAt: number;
}

function openFile(path: string): OpenFile | undefined {
  try {
    const descriptor = openSync(path, "r");
    const { ino, size, mtimeMs } = fstatSync(descriptor);
    return { descriptor, file: ino, size, writtenAt: Math.floor(mtimeMs) };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

function readFrom({ descriptor, file, size, writtenAt }: OpenFile, seen: number, rest: boolean) {
  // Shorter than it was: another file, under the number of one that is gone.
  const from = seen > size ? 0 : seen;
  const most = rest ? FURTHEST_BEHIND : CHUNK;
  const start = size - from > FURTHEST_BEHIND ? size - CHUNK : from;
  const bytes = Buffer.allocUnsafe(Math.max(0, Math.min(most, size - start)));
  const read = bytes.subarray(0, readSync(descriptor, bytes, 0, bytes.length, start));
  // The beginning of a line whose end is not there yet waits for it.
  const end = read.lastIndexOf(10) + 1;
  if (!end) return undefined;
  const first = start > from ? read.indexOf(10) + 1 : 0;
  const lines = read.toString("utf8", first, Math.max(first, end - 1)).split("\n");
  return { file, offset: start + end, lines, skipped: start - from + first, writtenAt };
}
