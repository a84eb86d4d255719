import { existsSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { lostTransactions } from "./lost-transactions.ts";

const READONLY = 8;
const CORRUPT = 11;
const NOTADB = 26;

/**
 * Throws, with what to do, when a database file is damaged, or its log where it holds acknowledged transactions. It only
 * reads: a connection that may write would merge the log into the file when it closes, and what could still be saved
 * from it would be gone.
 */
export function refuseDamaged(path: string): void {
  if (!existsSync(path)) return;
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    const { quick_check: finding } = database.prepare("PRAGMA quick_check(1)").get() as {
      quick_check: string;
    };
    if (finding !== "ok") throw new Error(damage(path, finding));
    const { page_size } = database.prepare("PRAGMA page_size").get() as { page_size: number };
    const { log } = database.prepare("PRAGMA wal_checkpoint(NOOP)").get() as { log: number };
    const lost = lostTransactions(`${path}-wal`, page_size, log);
    if (lost) throw new Error(damage(path, `${lost} transactions at the end of its log can't be read`));
  } catch (error) {
    const code = ((error as { errcode?: number }).errcode ?? 0) & 0xff;
    if (code === CORRUPT || code === NOTADB)
      throw new Error(damage(path, (error as Error).message), { cause: error });
    // A crash before the file became a WAL database: its first write is still to be rolled back, and nothing is in it.
    if (code !== READONLY) throw error;
  } finally {
    database.close();
  }
}

function damage(path: string, finding: string): string {
  return (
    `${path} is damaged (${finding}), so Tideway doesn't start on it. Keep a copy of ${path}*; then put a backup of ` +
    `${path} in its place and remove ${path}-wal and ${path}-shm, or save what can be read: ` +
    `sqlite3 ${path} .recover | sqlite3 recovered.db, and put recovered.db in its place.`
  );
}
