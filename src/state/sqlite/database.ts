import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { StorageFull } from "../store.ts";
import { migrate } from "./migrations.ts";
import { refuseDamaged } from "./refuse-damaged.ts";

// SQLite's result codes; the low byte of an extended code is its primary one.
const FULL = 13;
const CORRUPT = 11;
const NOTADB = 26;
const IOERR_FSYNC = 1034;
const IOERR_DIR_FSYNC = 1290;

/** Merges the log into the file about as often as SQLite would by itself. */
const TRANSACTIONS_PER_CHECKPOINT = 100;

type Values = Record<string, SQLInputValue>;

/** A SQLite file that keeps what it acknowledged: WAL, synchronous FULL, its schema current, its errors told apart. */
export class Database implements Disposable {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  readonly #fatal: (error: Error) => void;
  #sinceCheckpoint = 0;
  #broken: Error | undefined;

  constructor(path: string, fatal: (error: Error) => void) {
    this.#fatal = fatal;
    this.#database = open(path);
  }

  /** The first row, or undefined. */
  one(sql: string, values: Values = {}): unknown {
    return this.#guard(() => this.#statement(sql).get(values));
  }

  all<Row>(sql: string, values: Values = {}): Row[] {
    return this.#guard(() => this.#statement(sql).all(values) as Row[]);
  }

  run(sql: string, values: Values = {}): { readonly changes: number; readonly id: number } {
    const { changes, lastInsertRowid } = this.#guard(() => this.#statement(sql).run(values));
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
    if (++this.#sinceCheckpoint >= TRANSACTIONS_PER_CHECKPOINT) this.#checkpoint();
    return result;
  }

  [Symbol.dispose](): void {
    // Closing merges the log into the file, which must not happen once either can't be trusted.
    if (this.#database.isOpen && !this.#broken) this.#database.close();
  }

  /** Done here because SQLite's own checkpoint keeps quiet about a failed fsync. */
  #checkpoint(): void {
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
      this.#broken = new Error(`the state database can't be trusted any more: ${(error as Error).message}`, {
        cause: error,
      });
      this.#fatal(this.#broken);
      throw this.#broken;
    }
  }
}

function open(path: string): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    refuseDamaged(path);
    database = new DatabaseSync(path, { timeout: 5_000 });
    database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0");
    migrate(database, path);
    return database;
  } catch (error) {
    if (database?.isOpen) database.close();
    if (codeOf(error) === undefined) throw error;
    throw new Error(`can't open ${path}: ${(error as Error).message}`, { cause: error });
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
