import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { migrate } from "./migrate.ts";
import { refuseDamaged } from "./refuse-damaged.ts";

// SQLite's result codes; the low byte of an extended code is its primary one.
const BUSY = 5;
const FULL = 13;
const CORRUPT = 11;
const NOTADB = 26;
const IOERR_FSYNC = 1034;
const IOERR_DIR_FSYNC = 1290;

/** Merges the log into the file about as often as SQLite would by itself. */
const TRANSACTIONS_PER_CHECKPOINT = 100;

/** By position, or one object of names. */
type Values = readonly SQLInputValue[] | readonly [Readonly<Record<string, SQLInputValue>>];

/** The disk has no room, or no free inode, for what was to be written; nothing of it is visible. */
export class StorageFull extends Error {
  override readonly name = "StorageFull";
}

export interface DatabaseOptions {
  /** The steps of its schema, oldest first. */
  readonly migrations: readonly string[];
  /** Refuses a second process, and is refused to one. */
  readonly exclusive?: boolean;
  /** For what may be lost: a power cut undoes what was written since the last checkpoint; a kill of the process nothing. */
  readonly relaxed?: boolean;
  /** Called when what was written may be lost; must end the process. */
  readonly fatal: (error: Error) => void;
}

/** A SQLite file that keeps what it acknowledged: WAL, synchronous FULL unless it is relaxed, its schema current, its errors told apart. */
export class Database implements Disposable {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  readonly #fatal: (error: Error) => void;
  #sinceCheckpoint = 0;
  #broken: Error | undefined;

  constructor(path: string, options: DatabaseOptions) {
    this.#fatal = options.fatal;
    this.#database = open(path, options);
  }

  /** The first row, or undefined. */
  one(sql: string, ...values: Values): unknown {
    return this.#guard(() => this.#statement(sql).get(...(values as SQLInputValue[])));
  }

  all<Row>(sql: string, ...values: Values): Row[] {
    return this.#guard(() => this.#statement(sql).all(...(values as SQLInputValue[])) as Row[]);
  }

  /** Rows one by one; to be read to its end, or left, before anything is awaited. */
  *each<Row>(sql: string, ...values: SQLInputValue[]): Generator<Row> {
    // A statement of its own: a kept one would be reset under a scan that is still read.
    yield* this.#database.prepare(sql).iterate(...values) as Iterable<Row>;
  }

  run(sql: string, ...values: Values): { readonly changes: number; readonly id: number } {
    const { changes, lastInsertRowid } = this.#guard(() =>
      this.#statement(sql).run(...(values as SQLInputValue[])),
    );
    return { changes: Number(changes), id: Number(lastInsertRowid) };
  }

  /** All of the work or nothing of it; durable when it returns. */
  transaction<Result>(work: () => Result): Result {
    this.run("BEGIN IMMEDIATE");
    let result: Result;
    try {
      result = work();
      this.run("COMMIT");
    } catch (error) {
      // SQLite has already rolled back by itself after some errors, a full disk among them.
      if (this.#database.isTransaction && !this.#broken) this.run("ROLLBACK");
      throw error;
    }
    if (++this.#sinceCheckpoint >= TRANSACTIONS_PER_CHECKPOINT) this.checkpoint();
    return result;
  }

  [Symbol.dispose](): void {
    // Closing merges the log into the file, which must not happen once either can't be trusted.
    if (this.#database.isOpen && !this.#broken) this.#database.close();
  }

  /** Done here because SQLite's own checkpoint keeps quiet about a failed fsync. */
  checkpoint(): void {
    if (this.#sinceCheckpoint === 0) return;
    this.#sinceCheckpoint = 0;
    try {
      this.one("PRAGMA wal_checkpoint(PASSIVE)");
    } catch (error) {
      // What was committed is safe in the log; there may be room for it in the file at a later checkpoint.
      if (!(error instanceof StorageFull)) throw error;
    }
  }

  #statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (!statement) this.#statements.set(sql, (statement = this.#database.prepare(sql)));
    return statement;
  }

  #guard<Result>(call: () => Result): Result {
    if (this.#broken) throw this.#broken;
    try {
      return call();
    } catch (error) {
      const code = codeOf(error);
      if (code === FULL) throw new StorageFull("the disk of the data folder is full", { cause: error });
      if (!isFatal(code)) throw error;
      this.#broken = new Error(`the database can't be trusted any more: ${(error as Error).message}`, {
        cause: error,
      });
      this.#fatal(this.#broken);
      throw this.#broken;
    }
  }
}

function open(
  path: string,
  { migrations, exclusive = false, relaxed = false }: DatabaseOptions,
): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    if (!relaxed) refuseDamaged(path);
    database = new DatabaseSync(path, { timeout: exclusive ? 0 : 5_000 });
    if (exclusive) database.exec("PRAGMA locking_mode = EXCLUSIVE");
    database.exec("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0");
    database.exec(`PRAGMA synchronous = ${relaxed ? "NORMAL" : "FULL"}`);
    database.exec("PRAGMA foreign_keys = ON");
    migrate(database, path, migrations);
    return database;
  } catch (error) {
    if (database?.isOpen) database.close();
    const code = codeOf(error);
    if (code === undefined) throw error;
    const why = (code & 0xff) === BUSY ? "it is in use by another process" : (error as Error).message;
    throw new Error(`can't open ${path}: ${why}`, { cause: error });
  }
}

/**
 * After a failed fsync nobody knows what is on the disk, and the next write would succeed as if nothing had happened:
 * the process must end and find out at its next start. The same when pages turn out to be damaged.
 */
function isFatal(code = 0): boolean {
  return [IOERR_FSYNC, IOERR_DIR_FSYNC].includes(code) || [CORRUPT, NOTADB].includes(code & 0xff);
}

function codeOf(error: unknown): number | undefined {
  return (error as { errcode?: number }).errcode;
}
