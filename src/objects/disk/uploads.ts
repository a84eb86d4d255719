import type { Clock } from "../../base/clock.ts";
import type { Random } from "../../base/random.ts";
import { NoSuchObject } from "../object-store.ts";
import type { Contents } from "./contents.ts";
import type { Database } from "../../base/sqlite/database.ts";
import { type KeyPage, listPage, type PageQuery } from "./list-page.ts";
import type { StagedFile } from "./object-files.ts";
import type { Part, Upload } from "./stored-object.ts";

/** Multipart uploads: parts that become an object together, without a byte being copied. */
export class Uploads {
  readonly #db: Database;
  readonly #contents: Contents;
  readonly #clock: Clock;
  readonly #random: Random;

  constructor(db: Database, contents: Contents, clock: Clock, random: Random) {
    this.#db = db;
    this.#contents = contents;
    this.#clock = clock;
    this.#random = random;
  }

  start(bucket: string, key: string, about: Upload["about"]): Upload {
    // the time leads, so that the uploads of one key are listed in the order in which they were started
    const createdAt = this.#clock.now();
    const id = createdAt.toString(36).padStart(9, "0") + this.#random.bytes(18).toString("hex");
    this.#db.run(
      "INSERT INTO uploads VALUES (?, ?, ?, ?, ?)",
      id,
      bucket,
      key,
      createdAt,
      JSON.stringify(about),
    );
    return { id, bucket, key, createdAt, about };
  }

  find(id: string): Upload | undefined {
    const [row] = this.#db.all<UploadRow>("SELECT * FROM uploads WHERE id = ?", id);
    return row && uploadOf(row);
  }

  /** Makes staged bytes a part, in the place of an earlier one of that number. Throws NoSuchObject when the upload is gone. */
  addPart(id: string, number: number, staged: StagedFile, checksum: string | undefined): Part {
    const { file, size, md5 } = staged;
    const part = { number, file, size, md5, checksum: checksum ?? null, modifiedAt: this.#clock.now() };
    const garbage = this.#db.transaction(() => {
      if (!this.find(id)) throw new NoSuchObject("The upload was completed or aborted meanwhile.");
      return this.#contents.add(id, part);
    });
    staged.keep();
    this.#contents.collect(garbage);
    return part;
  }

  abort(id: string): void {
    this.#contents.collect(
      this.#db.transaction(() => {
        this.#db.run("DELETE FROM uploads WHERE id = ?", id);
        return this.#contents.drop(id);
      }),
    );
  }

  /** Ends an upload in a transaction of the caller's, leaving only these parts; gives what is to be collected. */
  finish(id: string, numbers: readonly number[]): string[] {
    const sql = "DELETE FROM uploads WHERE id = ?";
    if (this.#db.run(sql, id).changes === 0)
      throw new NoSuchObject("The upload was completed or aborted meanwhile.");
    const chosen = new Set(numbers);
    const others = this.#contents.parts(id).filter(({ number }) => !chosen.has(number));
    return others.flatMap(({ number }) => this.#contents.drop(id, number));
  }

  /** By key, and among those of one key by age; from behind upload `afterId` of key `query.after`, if it is given. */
  page(bucket: string, query: PageQuery, afterId: string | undefined): KeyPage<Upload> {
    const page = listPage((from, including) => {
      const where =
        afterId !== undefined && from === query.after && !including
          ? { sql: "(key, id) > (?, ?)", values: [from, afterId] }
          : { sql: `key ${including ? ">=" : ">"} ?`, values: [from] };
      const sql = `SELECT * FROM uploads WHERE bucket = ? AND ${where.sql} ORDER BY key, id`;
      return this.#db.each<UploadRow>(sql, bucket, ...where.values);
    }, query);
    return { ...page, rows: page.rows.map(uploadOf) };
  }
}

interface UploadRow {
  readonly id: string;
  readonly bucket: string;
  readonly key: string;
  readonly created_at: number;
  readonly about: string;
}

function uploadOf({ created_at: createdAt, about, ...rest }: UploadRow): Upload {
  return { ...rest, createdAt, about: JSON.parse(about) as Upload["about"] };
}
