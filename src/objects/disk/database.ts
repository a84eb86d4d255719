/** The index of the embedded object store: SQLite, durable at each commit. */
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";

/** There is no room, or no free inode, for what was to be written; nothing of it is visible. */
export class StoreFull extends Error {
  override readonly name = "StoreFull";
}

const VERSION = 1;
const SCHEMA = `
  CREATE TABLE buckets (
    name TEXT PRIMARY KEY, created_at INTEGER NOT NULL, location TEXT NOT NULL, tags TEXT
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE objects (
    bucket TEXT NOT NULL REFERENCES buckets, key TEXT NOT NULL, content TEXT NOT NULL, size INTEGER NOT NULL,
    etag TEXT NOT NULL, modified_at INTEGER NOT NULL, about TEXT NOT NULL, PRIMARY KEY (bucket, key)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE uploads (
    id TEXT PRIMARY KEY, bucket TEXT NOT NULL REFERENCES buckets, key TEXT NOT NULL, created_at INTEGER NOT NULL, about TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX uploads_by_key ON uploads (bucket, key, id);
  -- What an object (or an upload, whose id becomes the object's content) consists of, in the order of the numbers.
  CREATE TABLE parts (
    content TEXT NOT NULL, number INTEGER NOT NULL, file TEXT NOT NULL, size INTEGER NOT NULL,
    md5 TEXT NOT NULL, checksum TEXT, modified_at INTEGER NOT NULL, PRIMARY KEY (content, number)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX parts_by_file ON parts (file);
  -- Files that no part names any more and that are still to be unlinked.
  CREATE TABLE garbage (file TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;`;

/** Prepared statements, transactions, and what each of SQLite's errors means for the process. */
export class Database implements Disposable {
  readonly #db: DatabaseSync;
  readonly #fatal: (error: Error) => void;
  readonly #statements = new Map<string, StatementSync>();

  constructor(path: string, fatal: (error: Error) => void) {
    this.#fatal = fatal;
    this.#db = new DatabaseSync(path);
    try {
      // exclusive: a second server on the same folder is refused, not let in
      this.#db.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
      this.#db.exec("PRAGMA foreign_keys = ON");
      const [pragma] = this.all<{ user_version: number }>("PRAGMA user_version");
      const version = pragma!.user_version;
      if (version > VERSION)
        throw new Error(`a newer version wrote it (schema ${version}, known here: ${VERSION})`);
      if (version === 0) this.transaction(() => this.#db.exec(`${SCHEMA} PRAGMA user_version = ${VERSION}`));
    } catch (error) {
      this.#db.close();
      const why = codeOf(error) === BUSY ? "it is in use by another process" : (error as Error).message;
      throw new Error(`The object store's index ${path} can't be opened: ${why}`, { cause: error });
    }
  }

  all<Row>(sql: string, ...values: SQLInputValue[]): Row[] {
    return this.#guarded(() => this.#prepare(sql).all(...values) as Row[]);
  }

  /** Rows one by one; to be read to its end, or left, before anything is awaited. */
  *each<Row>(sql: string, ...values: SQLInputValue[]): Generator<Row> {
    // a statement of its own: a cached one would be reset under a scan that is still read
    yield* this.#db.prepare(sql).iterate(...values) as Iterable<Row>;
  }

  /** How many rows changed. */
  run(sql: string, ...values: SQLInputValue[]): number {
    return this.#guarded(() => Number(this.#prepare(sql).run(...values).changes));
  }

  /** All of `work` or nothing of it; durable once this returns. */
  transaction<Result>(work: () => Result): Result {
    return this.#guarded(() => {
      this.#db.exec("BEGIN IMMEDIATE");
      try {
        const result = work();
        this.#db.exec("COMMIT");
        return result;
      } catch (error) {
        if (this.#db.isTransaction) this.#db.exec("ROLLBACK");
        throw error;
      }
    });
  }

  [Symbol.dispose](): void {
    this.#db.close();
  }

  #prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (!statement) this.#statements.set(sql, (statement = this.#db.prepare(sql)));
    return statement;
  }

  #guarded<Result>(work: () => Result): Result {
    try {
      return work();
    } catch (error) {
      const code = codeOf(error);
      if (code === FULL) throw new StoreFull("the disk has no room for the index", { cause: error });
      // after a failed fsync SQLite's next write succeeds, although pages are lost: only a restart is safe
      if (code !== undefined && UNSAFE.has(code)) this.#fatal(error as Error);
      throw error;
    }
  }
}

// https://www.sqlite.org/rescode.html: busy, full; I/O error, corrupt, not a database
const BUSY = 5;
const FULL = 13;
const UNSAFE = new Set([10, 11, 26]);

function codeOf(error: unknown): number | undefined {
  const code = (error as { errcode?: number }).errcode;
  return code === undefined ? undefined : code & 0xff;
}
