import { existsSync, readFileSync } from "node:fs";

const HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;

/**
 * How many whole transactions stand in a write-ahead log behind the place where SQLite stopped reading it.
 *
 * SQLite takes a frame that it can't verify for the end of the log. After a crash that is right: the last transaction was
 * under way, so that one may stand there half written. But each transaction is synced before the next one begins: two or
 * more behind that place were acknowledged, the frames before them are damaged, and SQLite would drop them silently.
 * The format is https://www.sqlite.org/fileformat2.html#walformat.
 */
export function lostTransactions(logFile: string, pageBytes: number, framesRead: number): number {
  if (!existsSync(logFile)) return 0;
  const log = readFileSync(logFile);
  // The frames of this log carry its salt; others are left from before it was begun anew.
  const salt = log.subarray(16, 24);
  const frameBytes = FRAME_HEADER_BYTES + pageBytes;
  let commits = 0;
  for (let at = HEADER_BYTES + framesRead * frameBytes; at + frameBytes <= log.length; at += frameBytes) {
    const isCommit = log.readUInt32BE(at + 4) !== 0;
    if (isCommit && salt.equals(log.subarray(at + 8, at + 16))) commits++;
  }
  return commits > 1 ? commits : 0;
}
