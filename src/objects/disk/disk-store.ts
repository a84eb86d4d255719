/** The embedded object store: bytes in files, all else in SQLite; an object is visible once its row is committed. */
import { createHash } from "node:crypto";
import { closeSync, existsSync, mkdirSync, openSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "../../base/clock.ts";
import type { Log } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import {
  NoSuchObject,
  type ObjectInfo,
  ObjectExists,
  ObjectReplaced,
  type PartStore,
  type UploadedPart,
} from "../object-store.ts";
import { Contents } from "./contents.ts";
import { Database } from "../../base/sqlite/database.ts";
import { GroupCommit } from "../../base/sqlite/group-commit.ts";
import { Gathering } from "./gathering.ts";
import { type KeyPage, listPage, type PageQuery } from "./list-page.ts";
import { ObjectFiles, type Slice, type StagedFile } from "./object-files.ts";
import {
  type About,
  type Bucket,
  objectOf,
  type ObjectRow,
  type Part,
  type StoredObject,
} from "./stored-object.ts";
import { migrations } from "./migrations.ts";
import { Uploads } from "./uploads.ts";

export interface DiskStoreParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Called when what was written may be lost (a failed fsync, a broken index): must end the process. */
  readonly fatal: (error: Error) => void;
}

/** Throws to refuse a write, given what is there at the moment of the commit. */
export type WriteCondition = (existing: StoredObject | undefined) => void;

/** Opens, or makes, the store in a folder; refuses a folder that another process has open. */
export function openDiskStore(dir: string, parts: DiskStoreParts): DiskStore {
  mkdirSync(dir, { recursive: true });
  return new DiskStore(dir, parts);
}

/** How long a put waits for others that are under way, to share their commit. */
const GATHER_MS = 20;

export class DiskStore implements PartStore {
  readonly uploads: Uploads;
  readonly #db: Database;
  readonly #group: GroupCommit;
  readonly #puts: Gathering;
  readonly #files: ObjectFiles;
  readonly #contents: Contents;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #openMark: string;
  readonly #closing = new AbortController();
  readonly #cleaning: Promise<void>;

  constructor(dir: string, { clock, random, log, fatal }: DiskStoreParts) {
    this.#clock = clock;
    this.#random = random;
    this.#db = new Database(join(dir, "index.sqlite"), { migrations, fatal, exclusive: true });
    this.#group = new GroupCommit(this.#db);
    this.#puts = new Gathering(clock, GATHER_MS);
    try {
      this.#files = new ObjectFiles(join(dir, "files"), random, fatal);
      this.#contents = new Contents(this.#db, this.#files, log);
      this.uploads = new Uploads(this.#db, this.#contents, clock, random);
      this.#openMark = join(dir, "open");
      const crashed = existsSync(this.#openMark);
      closeSync(openSync(this.#openMark, "w"));
      this.#cleaning = this.#contents
        .clean(crashed, this.#closing.signal)
        .catch((error: unknown) => log.error("Cleaning the object store failed.", { error }));
    } catch (error) {
      this.#db[Symbol.dispose]();
      throw error;
    }
  }

  // buckets

  /** False when it is there already. */
  createBucket(name: string, location: string): boolean {
    const sql = "INSERT OR IGNORE INTO buckets (name, created_at, location) VALUES (?, ?, ?)";
    return this.#db.run(sql, name, this.#clock.now(), location).changes > 0;
  }

  bucket(name: string): Bucket | undefined {
    const [row] = this.#db.all<BucketRow>("SELECT * FROM buckets WHERE name = ?", name);
    return row && bucketOf(row);
  }

  /** In the order of their names, from behind `after`. */
  buckets(prefix: string, after: string, limit: number): Bucket[] {
    const sql = "SELECT * FROM buckets WHERE name > ? AND substr(name, 1, ?) = ? ORDER BY name LIMIT ?";
    return this.#db.all<BucketRow>(sql, after, prefix.length, prefix, limit).map(bucketOf);
  }

  setBucketTags(name: string, tags: Bucket["tags"]): void {
    this.#db.run("UPDATE buckets SET tags = ? WHERE name = ?", tags ? JSON.stringify(tags) : null, name);
  }

  /** False while it holds objects; its unfinished uploads go with it. */
  deleteBucket(name: string): boolean {
    const garbage = this.#db.transaction(() => {
      if (this.#db.all("SELECT 1 FROM objects WHERE bucket = ? LIMIT 1", name).length) return undefined;
      const ids = this.#db.all<{ id: string }>("DELETE FROM uploads WHERE bucket = ? RETURNING id", name);
      this.#db.run("DELETE FROM buckets WHERE name = ?", name);
      return ids.flatMap(({ id }) => this.#contents.drop(id));
    });
    if (garbage) this.#contents.collect(garbage);
    return garbage !== undefined;
  }

  // objects

  object(bucket: string, key: string): StoredObject | undefined {
    const [row] = this.#db.all<ObjectRow>("SELECT * FROM objects WHERE bucket = ? AND key = ?", bucket, key);
    return row && objectOf(row);
  }

  parts(content: string): Part[] {
    return this.#contents.parts(content);
  }

  /** The bytes from `start` up to and without `end` of exactly this version, even if it is replaced meanwhile. */
  read(
    { content, size }: StoredObject,
    start = 0,
    end = size,
    signal?: AbortSignal,
  ): AsyncIterable<Uint8Array> {
    const slices: Slice[] = [];
    let at = 0;
    for (const { file, size: length } of this.#contents.parts(content)) {
      const from = Math.max(start - at, 0);
      const to = Math.min(end - at, length);
      if (from < to) slices.push({ file, start: from, length: to - from });
      at += length;
    }
    return this.#files.read(slices, signal);
  }

  /** Bytes made durable, that are nobody's yet. Throws TooLarge, StorageFull. */
  stage(body: AsyncIterable<Uint8Array>, limit?: number): Promise<StagedFile> {
    return this.#files.stage(body, limit);
  }

  /** Makes staged bytes the object. Throws NoSuchObject when the bucket is gone, and what `condition` throws. */
  commit(
    bucket: string,
    key: string,
    staged: StagedFile,
    about: About,
    condition?: WriteCondition,
  ): StoredObject {
    const object = this.#fresh(bucket, key, staged, about);
    this.#replace(object, condition, () => this.#addWhole(object, staged));
    staged.keep();
    return object;
  }

  /** Another object with the same bytes, none of which is copied. */
  copy(
    from: StoredObject,
    bucket: string,
    key: string,
    about: About,
    condition?: WriteCondition,
  ): StoredObject {
    const content = this.#random.uuid();
    const { size, etag } = from;
    return this.#replace(
      { bucket, key, content, size, etag, modifiedAt: this.#clock.now(), about },
      condition,
      () => {
        const now = this.object(from.bucket, from.key);
        if (now?.content !== from.content)
          throw new NoSuchObject("the object to copy was replaced meanwhile");
        this.#contents.share(from.content, content);
      },
    );
  }

  /** Makes these parts of an upload the object, in this order; the upload's other parts go. */
  complete(
    upload: { readonly id: string; readonly bucket: string; readonly key: string },
    numbers: readonly number[],
    etag: string,
    about: About,
    condition?: WriteCondition,
  ): StoredObject {
    const parts = this.parts(upload.id).filter(({ number }) => numbers.includes(number));
    const size = parts.reduce((sum, part) => sum + part.size, 0);
    const { id: content, bucket, key } = upload;
    const object = { bucket, key, content, size, etag, modifiedAt: this.#clock.now(), about };
    return this.#replace(object, condition, () => this.uploads.finish(content, numbers));
  }

  setTags(object: StoredObject, tags: About["tags"]): void {
    const sql = "UPDATE objects SET about = ? WHERE bucket = ? AND key = ? AND content = ?";
    const about = JSON.stringify({ ...object.about, tags });
    this.#db.run(sql, about, object.bucket, object.key, object.content);
  }

  /** False when there was none. */
  remove(bucket: string, key: string, condition?: WriteCondition): boolean {
    return this.removeMany(bucket, [key], condition) > 0;
  }

  /** Removes many in one commit and tells how many there were. */
  removeMany(bucket: string, keys: readonly string[], condition?: WriteCondition): number {
    const contents = this.#db.transaction(() =>
      keys.flatMap((key) => {
        condition?.(this.object(bucket, key));
        const sql = "DELETE FROM objects WHERE bucket = ? AND key = ? RETURNING content";
        const [row] = this.#db.all<{ content: string }>(sql, bucket, key);
        return row ? [this.#contents.drop(row.content)] : [];
      }),
    );
    this.#contents.collect(contents.flat());
    return contents.length;
  }

  page(bucket: string, query: PageQuery): KeyPage<StoredObject> {
    const page = listPage((from, including) => {
      const sql = `SELECT * FROM objects WHERE bucket = ? AND key ${including ? ">=" : ">"} ? ORDER BY key`;
      return this.#db.each<ObjectRow>(sql, bucket, from);
    }, query);
    return { ...page, rows: page.rows.map(objectOf) };
  }

  // what the platform itself asks of an object store

  async head(bucket: string, key: string): Promise<ObjectInfo> {
    return this.#found(bucket, key);
  }

  async get(
    bucket: string,
    key: string,
    signal?: AbortSignal,
    from?: { readonly etag: string; readonly offset: number },
  ) {
    const info = this.#found(bucket, key);
    if (from && from.etag !== info.etag) throw new ObjectReplaced(bucket, key);
    return { info, body: this.read(info, from?.offset ?? 0, info.size, signal) };
  }

  async put(
    bucket: string,
    key: string,
    body: AsyncIterable<Uint8Array> | Uint8Array,
    about: { contentType?: string; onlyNew?: boolean } = {},
  ): Promise<ObjectInfo> {
    this.#needBucket(bucket);
    const whole = body instanceof Uint8Array;
    // a body that comes as it may keeps nobody waiting
    using _ = whole ? this.#puts.begin() : undefined;
    await using staged = await this.stage(whole ? once(body) : body);
    if (whole) await this.#puts.arrive();
    const object = this.#fresh(bucket, key, staged, { headers: headersOf(about), tags: {} });
    const condition: WriteCondition = (existing) => {
      if (existing && about.onlyNew) throw new ObjectExists(bucket, key);
    };
    // many that are put at once share a commit
    const garbage = await this.#group.write(() =>
      this.#put(object, condition, () => this.#addWhole(object, staged)),
    );
    staged.keep();
    this.#contents.collect(garbage);
    return object;
  }

  async startUpload(bucket: string, key: string, about: { contentType?: string } = {}): Promise<string> {
    this.#needBucket(bucket);
    return this.uploads.start(bucket, key, { headers: headersOf(about), tags: {} }).id;
  }

  async putPart(
    bucket: string,
    key: string,
    upload: string,
    number: number,
    bytes: Uint8Array,
  ): Promise<UploadedPart> {
    this.#needUpload(bucket, key, upload);
    await using staged = await this.stage(once(bytes));
    return { number, etag: this.uploads.addPart(upload, number, staged, undefined).md5 };
  }

  async completeUpload(
    bucket: string,
    key: string,
    upload: string,
    parts: readonly UploadedPart[],
  ): Promise<ObjectInfo> {
    const done = this.object(bucket, key);
    if (done?.content === upload) return done;
    const { about } = this.#needUpload(bucket, key, upload);
    const numbers = parts.map(({ number }) => number);
    return this.complete({ id: upload, bucket, key }, numbers, etagOfParts(parts), about);
  }

  async abortUpload(_bucket: string, _key: string, upload: string): Promise<void> {
    this.uploads.abort(upload);
  }

  async *list(bucket: string, prefix: string): AsyncIterable<ObjectInfo> {
    this.#needBucket(bucket);
    for (let after: string | undefined = ""; after !== undefined;) {
      const page: KeyPage<StoredObject> = this.page(bucket, { prefix, delimiter: "", after, limit: 1000 });
      yield* page.rows;
      after = page.next;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await this.#cleaning;
    await this.#contents.settled();
    this.#db[Symbol.dispose]();
    rmSync(this.#openMark, { force: true });
  }

  #found(bucket: string, key: string): StoredObject {
    this.#needBucket(bucket);
    const object = this.object(bucket, key);
    if (!object) throw new NoSuchObject(`There is no object "${key}" in the bucket "${bucket}".`);
    return object;
  }

  #needUpload(bucket: string, key: string, id: string) {
    const upload = this.uploads.find(id);
    if (upload?.bucket === bucket && upload.key === key) return upload;
    throw new NoSuchObject(`There is no unfinished upload of the object "${key}" in the bucket "${bucket}".`);
  }

  #needBucket(bucket: string): void {
    if (!this.bucket(bucket)) throw new NoSuchObject(`There is no bucket "${bucket}".`);
  }

  /** One transaction: the condition holds, the new bytes have a name, the old row and its parts are gone. */
  #replace(
    object: StoredObject,
    condition: WriteCondition | undefined,
    addParts: () => string[] | void,
  ): StoredObject {
    this.#contents.collect(this.#db.transaction(() => this.#put(object, condition, addParts)));
    return object;
  }

  /** In a transaction of the caller's; gives what is to be collected once that is durable. */
  #put(
    { bucket, key, content, size, etag, modifiedAt, about }: StoredObject,
    condition: WriteCondition | undefined,
    addParts: () => string[] | void,
  ): string[] {
    this.#needBucket(bucket);
    const old = this.object(bucket, key);
    condition?.(old);
    const garbage = addParts() ?? [];
    if (old) garbage.push(...this.#contents.drop(old.content));
    const sql = "INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?, ?, ?)";
    this.#db.run(sql, bucket, key, content, size, etag, modifiedAt, JSON.stringify(about));
    return garbage;
  }

  #fresh(bucket: string, key: string, { size, md5: etag }: StagedFile, about: About): StoredObject {
    const content = this.#random.uuid();
    return { bucket, key, content, size, etag, modifiedAt: this.#clock.now(), about };
  }

  #addWhole({ content, modifiedAt, about }: StoredObject, staged: StagedFile): string[] {
    const checksum = about.checksum?.value ?? null;
    return this.#contents.add(content, { number: 1, ...staged, checksum, modifiedAt });
  }
}

interface BucketRow {
  readonly name: string;
  readonly created_at: number;
  readonly location: string;
  readonly tags: string | null;
}

function bucketOf({ name, created_at: createdAt, location, tags }: BucketRow): Bucket {
  return {
    name,
    createdAt,
    location,
    tags: tags === null ? undefined : (JSON.parse(tags) as Bucket["tags"]),
  };
}

const headersOf = ({ contentType }: { contentType?: string }) =>
  contentType === undefined ? {} : { ContentType: contentType };

/** The ETag of an object of parts, from theirs: hex MD5s. */
export function etagOfParts(parts: readonly { readonly etag: string }[]): string {
  const md5s = Buffer.from(parts.map(({ etag }) => etag).join(""), "hex");
  return `${createHash("md5").update(md5s).digest("hex")}-${parts.length}`;
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
