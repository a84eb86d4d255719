import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";

const BUSY = 5;

/** Where a server keeps all it has. While it is open no other server can open it. The process id only serves the message. */
export class DataFolder implements AsyncDisposable {
  /** Absolute. */
  readonly path: string;
  readonly #lock: DatabaseSync;

  constructor(path: string, lock: DatabaseSync) {
    this.path = path;
    this.#lock = lock;
  }

  /** The place of something inside the folder. */
  resolve(...names: string[]): string {
    return join(this.path, ...names);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#lock.isOpen) return;
    rmSync(holderFile(this.path), { force: true });
    this.#lock.close();
  }
}

/** Opens a data folder for this process alone; makes it when it is missing, for its owner alone. */
export async function openDataFolder(given: string): Promise<DataFolder> {
  const path = resolve(given);
  let lock: DatabaseSync | undefined;
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    lock = exclusiveLock(join(path, "lock"), 0);
    writeFileSync(holderFile(path), String(process.pid), { mode: 0o600 });
    return new DataFolder(path, lock);
  } catch (error) {
    if (lock?.isOpen) lock.close();
    if ((error as { errcode?: number }).errcode === BUSY) throw new Error(inUse(path), { cause: error });
    throw new Error(`can't use the data folder ${path}: ${(error as Error).message}`, { cause: error });
  }
}

/**
 * Makes the file this process's alone until what is returned is closed, after waiting for `waitMs` at most.
 *
 * The lock is SQLite's exclusive lock on an empty file: Node has no lock of its own, and this one belongs to the open
 * file, so that the system takes it away with the process however that ends, two starters can't both get it, and
 * nothing stale is ever left. Nothing else may open the file: POSIX drops a process's locks on a file when it closes
 * any handle of it.
 */
export function exclusiveLock(file: string, waitMs: number): DatabaseSync {
  const lock = new DatabaseSync(file, { timeout: waitMs });
  try {
    lock.exec("BEGIN EXCLUSIVE");
    return lock;
  } catch (error) {
    lock.close();
    throw error;
  }
}

function inUse(path: string): string {
  let holder = "Another Tideway server";
  try {
    holder = `Another Tideway server (process ${Number(readFileSync(holderFile(path), "utf8")) || "unknown"})`;
  } catch {
    // It has the lock and hasn't written its id yet.
  }
  return `${holder} uses the data folder ${path}. Stop it first, or give this one a folder of its own with --data.`;
}

function holderFile(path: string): string {
  return join(path, "lock.pid");
}
