import type { Log } from "../../base/log.ts";
import type { Database } from "../../base/sqlite/database.ts";
import type { ObjectFiles } from "./object-files.ts";
import type { Part } from "./stored-object.ts";

/** Which files make up a content, and when a file that no content needs any more goes. Files may be shared. */
export class Contents {
  readonly #db: Database;
  readonly #files: ObjectFiles;
  readonly #log: Log;
  /** Unlinked already; their rows in `garbage` go with the next commit instead of one of their own. */
  readonly #unlinked = new Set<string>();
  readonly #removals = new Set<Promise<void>>();

  constructor(db: Database, files: ObjectFiles, log: Log) {
    this.#db = db;
    this.#files = files;
    this.#log = log;
  }

  parts(content: string): Part[] {
    const sql =
      "SELECT number, file, size, md5, checksum, modified_at AS modifiedAt FROM parts WHERE content = ? ORDER BY number";
    return this.#db.all<Part>(sql, content);
  }

  /** Adds a part, in a transaction of the caller's; gives the files that the part before it leaves behind. */
  add(content: string, { number, file, size, md5, checksum, modifiedAt }: Part): string[] {
    const garbage = this.drop(content, number);
    const sql = "INSERT INTO parts VALUES (?, ?, ?, ?, ?, ?, ?)";
    this.#db.run(sql, content, number, file, size, md5, checksum, modifiedAt);
    return garbage;
  }

  /** Gives `to` the same parts, in a transaction of the caller's. */
  share(from: string, to: string): void {
    this.#db.run(
      "INSERT INTO parts SELECT ?, number, file, size, md5, checksum, modified_at FROM parts WHERE content = ?",
      to,
      from,
    );
  }

  /** Forgets the parts, in a transaction of the caller's; what it gives is to be collected once that is durable. */
  drop(content: string, number?: number): string[] {
    const files = this.#db.all<{ file: string }>(
      `DELETE FROM parts WHERE content = ? ${number === undefined ? "" : "AND number = ?"} RETURNING file`,
      ...(number === undefined ? [content] : [content, number]),
    );
    const garbage = files.map(({ file }) => file).filter((file) => !this.#isNamed(file));
    for (const file of garbage) this.#db.run("INSERT OR IGNORE INTO garbage VALUES (?)", file);
    if (garbage.length) this.#forget();
    return garbage;
  }

  /** Unlinks files, now or as soon as their last reader is done. */
  collect(garbage: readonly string[]): void {
    for (const file of garbage) {
      const removal = this.#files.remove(file).then(
        (gone) => void (gone && this.#unlinked.add(file)),
        (error: unknown) =>
          this.#log.warn("A file of the object store could not be removed.", { file, error }),
      );
      this.#removals.add(removal);
      void removal.finally(() => this.#removals.delete(removal));
    }
  }

  /** What the run before left behind: its garbage and, after a crash, files that never got a row. */
  async clean(crashed: boolean, signal: AbortSignal): Promise<void> {
    this.collect(this.#db.all<{ file: string }>("SELECT file FROM garbage").map(({ file }) => file));
    await Promise.all(this.#removals);
    const removed = crashed ? await this.#files.sweep((file) => this.#isNamed(file), signal) : 0;
    if (removed) this.#log.info("Removed files of uploads that a crash cut short.", { removed });
  }

  /** Resolves once nothing is being unlinked any more. */
  async settled(): Promise<void> {
    await Promise.all(this.#removals);
    this.#db.transaction(() => this.#forget());
  }

  #isNamed(file: string): boolean {
    return this.#db.all("SELECT 1 FROM parts WHERE file = ? LIMIT 1", file).length > 0;
  }

  #forget(): void {
    for (const file of this.#unlinked) this.#db.run("DELETE FROM garbage WHERE file = ?", file);
    this.#unlinked.clear();
  }
}
