/**
 * All metrics, in a SQLite file of their own. What is put goes into a row per series and second or minute; upkeep packs
 * rows that are some minutes old into chunks, and brings chunks that are too old into the next tier (retention.ts). So
 * each value is in one place at any time, and each step is one transaction.
 *
 * The file is written without waiting for the disk: a kill of the process loses nothing that was acknowledged, a power
 * cut what was acknowledged in the minute before it.
 */
import { renameSync } from "node:fs";
import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import { Database } from "../base/sqlite/database.ts";
import { GroupCommit } from "../base/sqlite/group-commit.ts";
import { addPoint, type Points, unpackChunk } from "./chunk.ts";
import { type Dimensions, type Metric, metricOf } from "./metric.ts";
import { MetricUpkeep } from "./metric-upkeep.ts";
import {
  type Datum,
  type MetricFilter,
  type MetricQuery,
  type MetricReader,
  type MetricStorage,
  type MetricStorageStatus,
  type Sender,
  type Series,
  TooManySeries,
} from "./metrics.ts";
import { Packer, Unpacker } from "./packing.ts";
import { packPoint, type Point, unpackPoint } from "./point.ts";
import { startOf, TIERS } from "./retention.ts";
import { type SeriesEntry, SeriesIndex } from "./series-index.ts";
import { StoredBucket } from "./stored-bucket.ts";

const MIGRATIONS: readonly string[] = [
  `CREATE TABLE series (
     id INTEGER PRIMARY KEY,
     identity TEXT NOT NULL UNIQUE,
     put_at INTEGER NOT NULL
   ) STRICT;
   CREATE TABLE fresh (
     series INTEGER NOT NULL,
     start INTEGER NOT NULL,
     period INTEGER NOT NULL,
     point BLOB NOT NULL,
     PRIMARY KEY (series, start, period)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE chunks (
     series INTEGER NOT NULL,
     period INTEGER NOT NULL,
     start INTEGER NOT NULL,
     points BLOB NOT NULL,
     UNIQUE (series, period, start)
   ) STRICT;
   CREATE TABLE senders (
     id TEXT PRIMARY KEY,
     sequence INTEGER NOT NULL,
     heard_at INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;`,
];

export interface MetricStoreOptions {
  readonly file: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Called when what was written may be lost; must end the process. */
  readonly fatal: (error: Error) => void;
  /** Of the platform's own series, and of others. */
  readonly maxSeries?: number;
  /** Above it, things are kept for a shorter time. */
  readonly maxBytes?: number;
}

const MAX_SERIES = 50_000;
const MAX_BYTES = 1 << 30;
/** When a series was last put to is written this often: it is asked for in hours. */
const SAVE_PUT_AT_MS = 600_000;

export class MetricStore implements MetricStorage, MetricReader, AsyncDisposable {
  readonly #db: Database;
  readonly #commit: GroupCommit;
  readonly #index: SeriesIndex;
  readonly #upkeep: MetricUpkeep;
  readonly #clock: Clock;
  readonly #maxSeries: number;
  readonly #maxBytes: number;
  readonly #log: Log;
  #full = false;

  private constructor(db: Database, { clock, log, maxSeries, maxBytes }: MetricStoreOptions) {
    this.#db = db;
    this.#clock = clock;
    this.#log = log;
    this.#maxSeries = maxSeries ?? MAX_SERIES;
    this.#maxBytes = maxBytes ?? MAX_BYTES;
    this.#commit = new GroupCommit(db);
    this.#index = new SeriesIndex(this.#maxSeries);
    type Row = { id: number; identity: string; put_at: number };
    for (const { id, identity, put_at } of db.all<Row>("SELECT id, identity, put_at FROM series")) {
      const { metric, unit } = readIdentity(identity);
      this.#index.load(metric, unit, id, put_at);
    }
    this.#upkeep = new MetricUpkeep({
      db,
      commit: this.#commit,
      index: this.#index,
      clock,
      log,
      bytes: () => this.#bytes(),
      maxBytes: this.#maxBytes,
    });
  }

  /** A file that is damaged is put aside: metrics are not worth a server that does not start. */
  static open(options: MetricStoreOptions): MetricStore {
    const { file, log, clock } = options;
    const putAside = (error: Error) => {
      const aside = `${file}.damaged-${clock.now()}`;
      renameSync(file, aside);
      log.error("The file of metrics is damaged: it was put aside, and metrics begin anew.", {
        aside,
        error,
      });
    };
    const open = () =>
      new Database(file, {
        migrations: MIGRATIONS,
        relaxed: true,
        fatal: (error) => {
          if (isDamage(error)) putAside(error);
          options.fatal(error);
        },
      });
    let db: Database;
    try {
      db = open();
    } catch (error) {
      if (!isDamage(error as Error)) throw error;
      putAside(error as Error);
      db = open();
    }
    return new MetricStore(db, options);
  }

  async put(data: readonly Datum[], sender?: Sender): Promise<void> {
    const now = this.#clock.now();
    const entries = this.#entries(data, now, sender);
    // a transaction that fails is tried again, alone: what it learned is kept only once it is committed
    const ids = new Map<SeriesEntry, number>();
    await this.#commit.write(() => {
      ids.clear();
      if (sender && !this.#isNew(sender, now)) return;
      for (const [index, datum] of data.entries()) {
        const entry = entries[index];
        if (!entry) continue;
        let id = ids.get(entry) ?? entry.id;
        if (id === undefined || (now - entry.savedPutAt >= SAVE_PUT_AT_MS && !ids.has(entry)))
          ids.set(entry, (id = this.#touch(entry, now)));
        this.#add(id, datum);
      }
    });
    for (const [entry, id] of ids) {
      entry.id = id;
      entry.savedPutAt = now;
    }
    this.#upkeep.added(data.length);
  }

  query({ metric, unit, from, to, period }: MetricQuery): Series[] {
    const found: Series[] = [];
    for (const entry of this.#index.of(metric)) {
      if (entry.id === undefined || (unit !== undefined && unit !== entry.unit)) continue;
      const buckets = new Map<number, StoredBucket>();
      for (const [at, point] of this.#points(entry.id, from / 1000, to / 1000, period)) {
        const start = from + startOf(at * 1000 - from, period * 1000);
        let bucket = buckets.get(start);
        if (!bucket) buckets.set(start, (bucket = new StoredBucket(start)));
        bucket.add(point);
      }
      if (buckets.size === 0) continue;
      found.push({ unit: entry.unit, buckets: [...buckets.values()].sort((a, b) => a.start - b.start) });
    }
    return found;
  }

  list(filter: MetricFilter = {}): Metric[] {
    return this.#index.list(filter);
  }

  status(): MetricStorageStatus {
    return {
      series: this.#index.size,
      maxSeries: 2 * this.#maxSeries,
      bytes: this.#bytes(),
      maxBytes: this.#maxBytes,
      retention: this.#upkeep.retention,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#upkeep[Symbol.asyncDispose]();
    this.#db[Symbol.dispose]();
  }

  /** The series that the data go into, in their order; undefined for what a sender has too many of. */
  #entries(data: readonly Datum[], now: number, sender: Sender | undefined): (SeriesEntry | undefined)[] {
    const entries = data.map((datum) => this.#index.take(datum));
    const leftOut = entries.filter((entry) => !entry).length;
    if (leftOut > 0 && !sender) {
      for (const entry of entries) if (entry?.putAt === 0) this.#index.remove(entry);
      throw new TooManySeries(this.#maxSeries);
    }
    if (leftOut > 0 && !this.#full)
      this.#log.warn("There are too many metrics: new ones are left out.", { max: this.#maxSeries });
    this.#full = leftOut > 0;
    for (const entry of entries) if (entry) entry.putAt = Math.max(entry.putAt, now);
    return entries;
  }

  /** Whether a batch was not taken before; from here on it was. */
  #isNew({ id, sequence }: Sender, now: number): boolean {
    const known = this.#db.one("SELECT sequence FROM senders WHERE id = ?", id) as
      | { sequence: number }
      | undefined;
    if (known && known.sequence >= sequence) return false;
    this.#db.run(
      "INSERT OR REPLACE INTO senders (id, sequence, heard_at) VALUES (?, ?, ?)",
      id,
      sequence,
      now,
    );
    return true;
  }

  /** Writes when a series was last put to, and the series itself where it is new. */
  #touch({ metric, unit }: SeriesEntry, now: number): number {
    const { id } = this.#db.one(
      `INSERT INTO series (identity, put_at) VALUES (?, ?)
       ON CONFLICT (identity) DO UPDATE SET put_at = excluded.put_at RETURNING id`,
      JSON.stringify([metric.namespace, metric.name, metric.dimensions, unit]),
      now,
    ) as { id: number };
    return id;
  }

  #add(series: number, { at, resolution, point }: Datum): void {
    const start = startOf(Math.floor(at / 1000), resolution);
    const known = this.#db.one(
      "SELECT point FROM fresh WHERE series = ? AND start = ? AND period = ?",
      series,
      start,
      resolution,
    ) as { point: Uint8Array } | undefined;
    const packer = new Packer();
    if (known) {
      const both: Points = new Map([[start, unpackPoint(new Unpacker(known.point))]]);
      addPoint(both, start, point);
      packPoint(packer, both.get(start)!);
    } else packPoint(packer, point);
    this.#db.run(
      "INSERT OR REPLACE INTO fresh (series, start, period, point) VALUES (?, ?, ?, ?)",
      series,
      start,
      resolution,
      packer.packed(),
    );
  }

  /** What there is from one second to another, by periods that are not longer than what was asked for. */
  *#points(
    series: number,
    from: number,
    to: number,
    period: number,
  ): Generator<[start: number, point: Point]> {
    for (const tier of TIERS) {
      if (tier.period > period) break;
      const chunks = this.#db.all<{ start: number; points: Uint8Array }>(
        "SELECT start, points FROM chunks WHERE series = ? AND period = ? AND start > ? AND start < ?",
        series,
        tier.period,
        from - tier.chunk,
        to,
      );
      for (const chunk of chunks)
        for (const one of unpackChunk(chunk.points, chunk.start, tier.period))
          if (one[0] >= from && one[0] < to) yield one;
    }
    const rows = this.#db.all<{ start: number; point: Uint8Array }>(
      "SELECT start, point FROM fresh WHERE series = ? AND start >= ? AND start < ? AND period <= ?",
      series,
      from,
      to,
      period,
    );
    for (const { start, point } of rows) yield [start, unpackPoint(new Unpacker(point))];
  }

  #bytes(): number {
    const pragma = (name: string) => (this.#db.one(`PRAGMA ${name}`) as Record<string, number>)[name]!;
    return (pragma("page_count") - pragma("freelist_count")) * pragma("page_size");
  }
}

function readIdentity(identity: string): { metric: Metric; unit: string } {
  const [namespace, name, dimensions, unit] = JSON.parse(identity) as [string, string, Dimensions, string];
  return { metric: metricOf(namespace, name, dimensions), unit };
}

const CORRUPT = 11;
const NOTADB = 26;

function isDamage({ cause }: Error): boolean {
  const { errcode = 0 } = (cause ?? {}) as { errcode?: number };
  return [CORRUPT, NOTADB].includes(errcode & 0xff);
}
