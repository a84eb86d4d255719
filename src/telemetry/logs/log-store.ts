/**
 * All log events, in a SQLite file of their own: groups, their streams, and the events of a group by time. What an
 * instance printed is put together with how far its file was read, so that a kill neither loses a line nor doubles it.
 *
 * The file is written without waiting for the disk: a kill of the process loses nothing that was acknowledged, a power
 * cut what was acknowledged since the last checkpoint.
 */
import type { Clock } from "../../base/clock.ts";
import type { Log } from "../../base/log.ts";
import { Database } from "../../base/sqlite/database.ts";
import { DELETED_DAYS, removeExcess, removeExpired } from "./log-upkeep.ts";

const MIGRATIONS: readonly string[] = [
  `CREATE TABLE groups (
     id INTEGER PRIMARY KEY,
     name TEXT NOT NULL UNIQUE,
     created_at INTEGER NOT NULL,
     retention_days INTEGER,
     bytes INTEGER NOT NULL DEFAULT 0,
     tags TEXT NOT NULL DEFAULT '{}'
   ) STRICT;
   CREATE TABLE streams (
     id INTEGER PRIMARY KEY,
     log_group INTEGER NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
     name TEXT NOT NULL,
     created_at INTEGER NOT NULL,
     first_at INTEGER,
     last_at INTEGER,
     ingested_at INTEGER,
     UNIQUE (log_group, name)
   ) STRICT;
   CREATE TABLE events (
     log_group INTEGER NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
     time INTEGER NOT NULL,
     sequence INTEGER NOT NULL,
     stream INTEGER NOT NULL REFERENCES streams (id) ON DELETE CASCADE,
     ingested_at INTEGER NOT NULL,
     message TEXT NOT NULL,
     PRIMARY KEY (log_group, time, sequence)
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX events_of_stream ON events (stream, time, sequence);
   CREATE TABLE counter (sequence INTEGER NOT NULL) STRICT;
   INSERT INTO counter VALUES (0);
   CREATE TABLE tails (
     source TEXT PRIMARY KEY,
     log_group TEXT NOT NULL,
     stream TEXT NOT NULL,
     file INTEGER NOT NULL,
     offset INTEGER NOT NULL,
     read_at INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;`,
];

/** A named set of streams that are kept for the same time. */
export interface LogGroup {
  readonly id: number;
  readonly name: string;
  readonly createdAt: number;
  /** Undefined: its events are kept while there is room. */
  readonly retentionDays: number | undefined;
  readonly bytes: number;
  readonly tags: Readonly<Record<string, string>>;
}

/** What one source printed. Times of its events are undefined while it has none. */
export interface LogStream {
  readonly id: number;
  readonly name: string;
  readonly createdAt: number;
  readonly firstAt: number | null;
  readonly lastAt: number | null;
  readonly ingestedAt: number | null;
}

export interface LogEvent {
  readonly time: number;
  readonly message: string;
}

/** An event in its place: events are ordered by time, then by when they came. */
export interface StoredEvent extends LogEvent, Place {
  readonly stream: string;
  readonly ingestedAt: number;
}

/** A point between events: before the one with this time and sequence. */
export interface Place {
  readonly time: number;
  readonly sequence: number;
}

/** How far a file was read, and where its lines go. */
export interface Tail {
  readonly group: string;
  readonly stream: string;
  /** Its inode. */
  readonly file: number;
  readonly offset: number;
}

export type LogWatcher = (group: string, stream: string, events: readonly StoredEvent[]) => void;

export interface LogStoreOptions {
  readonly file: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Called when what was written may be lost; must end the process. */
  readonly fatal: (error: Error) => void;
  /** Of events: above it the oldest of the largest group go. */
  readonly maxBytes?: number;
}

const MAX_BYTES = 512 * 1024 * 1024;
const UPKEEP_MS = 60_000;
/** Between two batches of what is removed. */
const SOON_MS = 20;
const LOW_WATER = 0.9;
/** What AWS counts for an event besides its text. */
export const EVENT_OVERHEAD = 26;

const GROUP = "id, name, created_at AS createdAt, retention_days AS retentionDays, bytes, tags";
const STREAM =
  "id, name, created_at AS createdAt, first_at AS firstAt, last_at AS lastAt, ingested_at AS ingestedAt";
const EVENT = "time, sequence, events.ingested_at AS ingestedAt, message, streams.name AS stream";

export class LogStore implements Disposable {
  readonly #db: Database;
  readonly #clock: Clock;
  readonly #watchers = new Set<LogWatcher>();
  #sequence: number;
  #cancel: () => void = () => {};

  constructor({ file, clock, log, fatal, maxBytes = MAX_BYTES }: LogStoreOptions) {
    this.#db = new Database(file, { migrations: MIGRATIONS, relaxed: true, fatal });
    this.#clock = clock;
    this.#sequence = (this.#db.one("SELECT sequence FROM counter") as { sequence: number }).sequence;
    const shortened = new Set<string>();
    const upkeep = () => {
      let more = false;
      try {
        // once it is too large, it is made somewhat smaller than it may be
        const excess = removeExcess(this.#db, maxBytes * (shortened.size ? LOW_WATER : 1));
        if (excess !== undefined) shortened.add(excess);
        more = removeExpired(this.#db, clock.now()) || excess !== undefined;
      } catch (error) {
        log.warn("Old log events could not be removed.", { error });
      }
      if (!more && shortened.size) {
        const groups = [...shortened];
        log.warn("There were more log events than are kept: the oldest of the largest groups are removed.", {
          groups,
          maxBytes,
        });
        shortened.clear();
      }
      this.#cancel = clock.after(more ? SOON_MS : UPKEEP_MS, upkeep);
    };
    this.#cancel = clock.after(UPKEEP_MS, upkeep);
  }

  group(name: string): LogGroup | undefined {
    return readGroup(this.#db.one(`SELECT ${GROUP} FROM groups WHERE name = ?`, name));
  }

  /** Undefined when there is one of this name. */
  createGroup(name: string, tags: Readonly<Record<string, string>> = {}): LogGroup | undefined {
    const { changes } = this.#db.run(
      "INSERT INTO groups (name, created_at, tags) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
      name,
      this.#clock.now(),
      JSON.stringify(tags),
    );
    return changes ? this.group(name) : undefined;
  }

  /** With all that is in it: nobody can find it any more, and upkeep removes its events by and by. */
  deleteGroup(name: string): boolean {
    const sql = "UPDATE groups SET name = ':' || id, retention_days = ? WHERE name = ?";
    return this.#db.run(sql, DELETED_DAYS, name).changes > 0;
  }

  /** By name, behind `after`; names that begin with `prefix`, or hold `part` in any case. */
  groups({ after = "", prefix = "", part = "", limit }: NameQuery & { part?: string }): LogGroup[] {
    const sql = `SELECT ${GROUP} FROM groups WHERE name > ? AND name NOT LIKE ':%' AND substr(name, 1, ?) = ? AND instr(lower(name), lower(?)) > 0 ORDER BY name LIMIT ?`;
    return this.#db.all(sql, after, prefix.length, prefix, part, limit).map((row) => readGroup(row)!);
  }

  setRetention(name: string, days: number | null): boolean {
    return this.#db.run("UPDATE groups SET retention_days = ? WHERE name = ?", days, name).changes > 0;
  }

  setTags(name: string, tags: Readonly<Record<string, string>>): void {
    this.#db.run("UPDATE groups SET tags = ? WHERE name = ?", JSON.stringify(tags), name);
  }

  stream(group: LogGroup, name: string): LogStream | undefined {
    const sql = `SELECT ${STREAM} FROM streams WHERE log_group = ? AND name = ?`;
    return this.#db.one(sql, group.id, name) as LogStream | undefined;
  }

  /** False when there is one of this name. */
  createStream(group: LogGroup, name: string): boolean {
    const sql = "INSERT INTO streams (log_group, name, created_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING";
    return this.#db.run(sql, group.id, name, this.#clock.now()).changes > 0;
  }

  deleteStream(group: LogGroup, name: string): boolean {
    return this.#db.transaction(() => {
      const stream = this.stream(group, name);
      if (!stream) return false;
      const { bytes } = this.#db.one(
        `SELECT coalesce(sum(octet_length(message) + ${EVENT_OVERHEAD}), 0) AS bytes FROM events WHERE stream = ?`,
        stream.id,
      ) as { bytes: number };
      this.#db.run("UPDATE groups SET bytes = bytes - ? WHERE id = ?", bytes, group.id);
      this.#db.run("DELETE FROM streams WHERE id = ?", stream.id);
      return true;
    });
  }

  /** By name. */
  streams(group: LogGroup, { after = "", prefix = "", limit, descending }: StreamQuery): LogStream[] {
    const behind = descending ? "(? = '' OR name < ?)" : "(? = '' OR name > ?)";
    const sql = `SELECT ${STREAM} FROM streams WHERE log_group = ? AND ${behind} AND substr(name, 1, ?) = ?
      ORDER BY name ${descending ? "DESC" : ""} LIMIT ?`;
    return this.#db.all(sql, group.id, after, after, prefix.length, prefix, limit);
  }

  /** By the time of the last event; `skip` are those of earlier pages. */
  streamsByTime(group: LogGroup, skip: number, limit: number, descending: boolean): LogStream[] {
    const order = descending ? "DESC" : "";
    const sql = `SELECT ${STREAM} FROM streams WHERE log_group = ?
      ORDER BY coalesce(last_at, 0) ${order}, name ${order} LIMIT ? OFFSET ?`;
    return this.#db.all(sql, group.id, limit, skip);
  }

  /** Puts events, in order of their times, into a stream that is there. */
  put(group: LogGroup, name: string, events: readonly LogEvent[]): void {
    const stream = this.stream(group, name);
    if (!stream || !events.length) return;
    const stored = this.#db.transaction(() => this.#insert(group, stream, events));
    this.#tell(group.name, name, stored);
  }

  tail(source: string): Tail | undefined {
    const sql = "SELECT log_group AS 'group', stream, file, offset FROM tails WHERE source = ?";
    return this.#db.one(sql, source) as Tail | undefined;
  }

  /** What a source printed, and how far it is read: both or neither. Makes the group and the stream that it names. */
  putTail(source: string, tail: Tail, events: readonly LogEvent[]): void {
    const stored = this.#db.transaction(() => {
      this.#db.run(
        "INSERT OR REPLACE INTO tails VALUES (?, ?, ?, ?, ?, ?)",
        source,
        tail.group,
        tail.stream,
        tail.file,
        tail.offset,
        this.#clock.now(),
      );
      if (!events.length) return [];
      const group = this.group(tail.group) ?? this.createGroup(tail.group)!;
      this.createStream(group, tail.stream);
      return this.#insert(group, this.stream(group, tail.stream)!, events);
    });
    this.#tell(tail.group, tail.stream, stored);
  }

  /** Sources of which nothing was read for so long are forgotten, unless they are still there. */
  forgetTails(readBefore: number, present: ReadonlySet<string>): void {
    const sql = "SELECT source FROM tails WHERE read_at < ?";
    for (const { source } of this.#db.all<{ source: string }>(sql, readBefore))
      if (!present.has(source)) this.#db.run("DELETE FROM tails WHERE source = ?", source);
  }

  /** Events of a group, or of one stream of it, in order, or backwards from the end. To be read before anything is awaited. */
  *events(group: LogGroup, { stream, from, to, backwards = false }: EventQuery): Generator<StoredEvent> {
    const order = backwards ? "DESC" : "ASC";
    const [where, id] = stream ? ["events.stream", stream.id] : ["events.log_group", group.id];
    yield* this.#db.each<StoredEvent>(
      `SELECT ${EVENT} FROM events JOIN streams ON streams.id = events.stream
       WHERE ${where} = ? AND (time, sequence) >= (?, ?) AND (time, sequence) < (?, ?)
       ORDER BY time ${order}, sequence ${order}`,
      id,
      from.time,
      from.sequence,
      to.time,
      to.sequence,
    );
  }

  /** Hears of every event from now on. */
  watch(watcher: LogWatcher): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  [Symbol.dispose](): void {
    this.#cancel();
    this.#db[Symbol.dispose]();
  }

  #insert(group: LogGroup, stream: LogStream, events: readonly LogEvent[]): StoredEvent[] {
    const ingestedAt = this.#clock.now();
    let bytes = 0;
    const stored = events.map(({ time, message }, index) => {
      const sequence = this.#sequence + index + 1;
      bytes += Buffer.byteLength(message) + EVENT_OVERHEAD;
      const sql = "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?)";
      this.#db.run(sql, group.id, time, sequence, stream.id, ingestedAt, message);
      return { time, sequence, message, ingestedAt, stream: stream.name };
    });
    const last = this.#sequence + events.length;
    this.#db.run("UPDATE counter SET sequence = ?", last);
    this.#db.run("UPDATE groups SET bytes = bytes + ? WHERE id = ?", bytes, group.id);
    this.#db.run(
      `UPDATE streams SET first_at = min(coalesce(first_at, ?1), ?1), last_at = max(coalesce(last_at, 0), ?2),
         ingested_at = ?3 WHERE id = ?4`,
      events[0]!.time,
      events.at(-1)!.time,
      ingestedAt,
      stream.id,
    );
    // not before everything is written: numbers of a transaction that failed are used again
    this.#sequence = last;
    return stored;
  }

  #tell(group: string, stream: string, events: readonly StoredEvent[]): void {
    if (events.length) for (const watcher of this.#watchers) watcher(group, stream, events);
  }
}

interface NameQuery {
  readonly after?: string | undefined;
  readonly prefix?: string | undefined;
  readonly limit: number;
}

interface StreamQuery extends NameQuery {
  readonly descending: boolean;
}

interface EventQuery {
  readonly stream?: LogStream | undefined;
  readonly from: Place;
  /** Not any more. */
  readonly to: Place;
  readonly backwards?: boolean;
}

function readGroup(row: unknown): LogGroup | undefined {
  if (!row) return undefined;
  const { retentionDays, tags, ...rest } = row as LogGroup & { retentionDays: number | null; tags: string };
  return {
    ...rest,
    retentionDays: retentionDays ?? undefined,
    tags: JSON.parse(tags) as Record<string, string>,
  };
}
