/**
 * How far each transform job is: a SQLite file. An object that is done is written down with others, soon; if that is
 * lost, the object is done again, to the same bytes. A checkpoint within an object is written when a part is uploaded.
 */
import type { Clock } from "../../base/clock.ts";
import { Database, StorageFull } from "../../base/sqlite/database.ts";
import type { UploadedPart } from "../../objects/object-store.ts";
import type { Totals } from "./kinds.ts";
import type { RecordPosition } from "./records/payload.ts";

const MIGRATIONS: readonly string[] = [
  `CREATE TABLE objects (
     job TEXT NOT NULL,
     key TEXT NOT NULL,
     state TEXT NOT NULL CHECK (state IN ('Begun', 'Done', 'Failed')),
     records INTEGER NOT NULL DEFAULT 0,
     bytes INTEGER NOT NULL DEFAULT 0,
     checkpoint TEXT,
     reason TEXT,
     PRIMARY KEY (job, key)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE errors (
     job TEXT NOT NULL,
     key TEXT NOT NULL,
     record INTEGER NOT NULL,
     line TEXT NOT NULL,
     PRIMARY KEY (job, key, record)
   ) STRICT, WITHOUT ROWID;`,
];

/** Where an object can be taken up again: what is in the parts is done. */
export interface Checkpoint {
  /** Of the input's version. */
  readonly etag: string;
  readonly upload: string;
  /** Where the output goes, to abort the upload without the job. */
  readonly bucket: string;
  readonly key: string;
  readonly parts: readonly UploadedPart[];
  /** What is next. */
  readonly next: RecordPosition;
}

/** How often what is done is written. */
const FLUSH_MS = 200;
const FLUSH_ROWS = 500;

export class JobTable implements Disposable {
  readonly #db: Database;
  readonly #clock: Clock;
  #waiting: (() => void)[] = [];
  #cancel: (() => void) | undefined;

  constructor(path: string, clock: Clock, fatal: (error: Error) => void) {
    this.#db = new Database(path, { migrations: MIGRATIONS, fatal });
    this.#clock = clock;
  }

  checkpoint(job: string, key: string): Checkpoint | undefined {
    const sql = "SELECT checkpoint FROM objects WHERE job = ? AND key = ?";
    const row = this.#db.one(sql, job, key) as { checkpoint: string | null } | undefined;
    return row?.checkpoint ? (JSON.parse(row.checkpoint) as Checkpoint) : undefined;
  }

  /** Durable when it returns, with the errors of the records before it. Throws StorageFull. */
  begun(job: string, key: string, checkpoint: Checkpoint, errors: readonly ErrorLine[]): void {
    this.#db.transaction(() => {
      this.#db.run(
        `INSERT INTO objects (job, key, state, checkpoint) VALUES (?, ?, 'Begun', ?)
         ON CONFLICT DO UPDATE SET checkpoint = excluded.checkpoint`,
        job,
        key,
        JSON.stringify(checkpoint),
      );
      this.#addErrors(job, key, errors);
    });
  }

  /** The object's upload is gone: it is to be begun anew. */
  forget(job: string, key: string): void {
    this.#db.transaction(() => {
      this.#db.run("DELETE FROM objects WHERE job = ? AND key = ?", job, key);
      this.#db.run("DELETE FROM errors WHERE job = ? AND key = ?", job, key);
    });
  }

  /** Written soon. A reason says that the object failed. */
  ended(job: string, key: string, records: number, bytes: number, reason?: string): void {
    this.#waiting.push(() =>
      this.#db.run(
        "INSERT OR REPLACE INTO objects (job, key, state, records, bytes, reason) VALUES (?, ?, ?, ?, ?, ?)",
        job,
        key,
        reason === undefined ? "Done" : "Failed",
        records,
        bytes,
        reason ?? null,
      ),
    );
    if (this.#waiting.length % FLUSH_ROWS === 0) this.#tryFlush();
    else this.#cancel ??= this.#clock.after(FLUSH_MS, () => this.#tryFlush());
  }

  /** Whether the object is done, or failed for good. */
  hasEnded(job: string, key: string): boolean {
    const row = this.#db.one("SELECT state FROM objects WHERE job = ? AND key = ?", job, key);
    return row !== undefined && (row as { state: string }).state !== "Begun";
  }

  totals(job: string): Totals {
    this.flush();
    return this.#db.one(
      `SELECT count(*) FILTER (WHERE state = 'Done') AS objects,
              count(*) FILTER (WHERE state = 'Failed') AS failedObjects,
              coalesce(sum(records), 0) AS records, coalesce(sum(bytes), 0) AS bytes
       FROM objects WHERE job = ? AND state <> 'Begun'`,
      job,
    ) as Totals;
  }

  /** Why the first of the objects that failed did, by key. */
  firstReason(job: string): string | undefined {
    const sql = "SELECT reason FROM objects WHERE job = ? AND state = 'Failed' ORDER BY key LIMIT 1";
    return (this.#db.one(sql, job) as { reason: string } | undefined)?.reason;
  }

  /** Keys of what is done, from behind `after`, in order. */
  doneKeys(job: string, after: string, limit: number): string[] {
    const sql = "SELECT key FROM objects WHERE job = ? AND state = 'Done' AND key > ? ORDER BY key LIMIT ?";
    return this.#db.all<{ key: string }>(sql, job, after, limit).map(({ key }) => key);
  }

  errorLines(job: string, key: string, after: number, limit: number): ErrorLine[] {
    const sql =
      "SELECT record, line FROM errors WHERE job = ? AND key = ? AND record > ? ORDER BY record LIMIT ?";
    return this.#db.all<ErrorLine>(sql, job, key, after, limit);
  }

  addErrors(job: string, key: string, errors: readonly ErrorLine[]): void {
    if (errors.length) this.#db.transaction(() => this.#addErrors(job, key, errors));
  }

  /** Uploads that were begun and not ended. */
  uploads(job: string): Checkpoint[] {
    const sql = "SELECT checkpoint FROM objects WHERE job = ? AND checkpoint IS NOT NULL";
    return this.#db
      .all<{ checkpoint: string }>(sql, job)
      .map(({ checkpoint }) => JSON.parse(checkpoint) as Checkpoint);
  }

  remove(job: string): void {
    this.flush();
    const sql =
      "SELECT 1 FROM (SELECT job FROM objects UNION ALL SELECT job FROM errors) WHERE job = ? LIMIT 1";
    if (this.#db.one(sql, job) === undefined) return;
    this.#db.transaction(() => {
      this.#db.run("DELETE FROM objects WHERE job = ?", job);
      this.#db.run("DELETE FROM errors WHERE job = ?", job);
    });
  }

  /** Writes what waits. Throws StorageFull, and then it waits on. */
  flush(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    if (!this.#waiting.length) return;
    this.#db.transaction(() => {
      for (const write of this.#waiting) write();
    });
    this.#waiting = [];
  }

  [Symbol.dispose](): void {
    this.#tryFlush();
    this.#cancel?.();
    this.#db[Symbol.dispose]();
  }

  /** What a full disk refuses is written later; after a restart before that it is only done again. */
  #tryFlush(): void {
    try {
      this.flush();
    } catch (error) {
      if (!(error instanceof StorageFull)) throw error;
      this.#cancel = this.#clock.after(FLUSH_MS, () => this.#tryFlush());
    }
  }

  #addErrors(job: string, key: string, errors: readonly ErrorLine[]): void {
    for (const { record, line } of errors)
      this.#db.run("INSERT OR REPLACE INTO errors VALUES (?, ?, ?, ?)", job, key, record, line);
  }
}

/** A record that failed in a job that writes the others, as a line of its `.err.jsonl`. */
export interface ErrorLine {
  readonly record: number;
  readonly line: string;
}
