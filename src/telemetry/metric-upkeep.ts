/** Keeps the store of metrics small: packs what is some minutes old, thins out what is old, forgets what is too old. */
import { type Clock, sleep } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { Database } from "../base/sqlite/database.ts";
import type { GroupCommit } from "../base/sqlite/group-commit.ts";
import { addPoint, packChunk, type Points, unpackChunk } from "./chunk.ts";
import { Unpacker } from "./packing.ts";
import { unpackPoint } from "./point.ts";
import { adaptRetention, horizon, startOf, type Tier, TIERS } from "./retention.ts";
import type { SeriesEntry, SeriesIndex } from "./series-index.ts";

export interface MetricUpkeepOptions {
  readonly db: Database;
  readonly commit: GroupCommit;
  readonly index: SeriesIndex;
  readonly clock: Clock;
  readonly log: Log;
  readonly bytes: () => number;
  readonly maxBytes: number;
}

const ROUND_MS = 600_000;
/** A round is early when so many data were put since the last one. */
const ROUND_DATA = 1_000_000;
/** So many series at a time, so that nobody waits long. */
const SLICE = 100;
const SLICE_PAUSE_MS = 10;
/** Rows are packed when they are this old, in seconds: hardly anything is added to them then. */
const FRESH = 900;
/** What was written is surely on the disk after this time. */
const CHECKPOINT_MS = 60_000;
/** A sender that was silent for so long does not come back. */
const SENDER_MS = 7 * 86_400_000;

export class MetricUpkeep implements AsyncDisposable {
  readonly #options: MetricUpkeepOptions;
  readonly #stopping = new AbortController();
  readonly #running: Promise<unknown>;
  #wake = Promise.withResolvers<void>();
  #added = 0;
  #retention = 1;

  constructor(options: MetricUpkeepOptions) {
    this.#options = options;
    this.#running = Promise.all([this.#rounds(), this.#checkpoints()]);
  }

  /** The share of the usual time that things are kept. */
  get retention(): number {
    return this.#retention;
  }

  added(data: number): void {
    if ((this.#added += data) >= ROUND_DATA) this.#wake.resolve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #rounds(): Promise<void> {
    const { clock, log, bytes, maxBytes } = this.#options;
    const { signal } = this.#stopping;
    while (!signal.aborted)
      try {
        await this.#round(signal);
        const retention = adaptRetention(this.#retention, bytes(), maxBytes);
        const less = retention < this.#retention;
        if (less && this.#retention === 1)
          log.warn("Metrics need more room than they may have: they are kept for a shorter time.", {
            maxBytes,
          });
        this.#retention = retention;
        if (!less) await this.#pause(clock, signal);
      } catch (error) {
        if (signal.aborted) return;
        log.error("The upkeep of metrics failed; it is tried again.", { error });
        await this.#pause(clock, signal);
      }
  }

  /** Until the next round is due. */
  async #pause(clock: Clock, signal: AbortSignal): Promise<void> {
    this.#added = 0;
    this.#wake = Promise.withResolvers();
    const done = new AbortController();
    const both = AbortSignal.any([signal, done.signal]);
    await Promise.race([this.#wake.promise, sleep(clock, ROUND_MS, both).catch(() => {})]);
    done.abort();
  }

  async #checkpoints(): Promise<void> {
    const { clock, db } = this.#options;
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      await sleep(clock, CHECKPOINT_MS, signal).catch(() => {});
      if (!signal.aborted) db.checkpoint();
    }
  }

  async #round(signal: AbortSignal): Promise<void> {
    const { clock, commit, db, index } = this.#options;
    const all = [...index.all()].filter(({ id }) => id !== undefined);
    for (let at = 0; at < all.length; at += SLICE) {
      const slice = all.slice(at, at + SLICE);
      const now = Math.floor(clock.now() / 1000);
      const empty = await commit.write(() => slice.filter((entry) => !this.#tidy(entry, now)));
      for (const entry of empty) index.remove(entry);
      await sleep(clock, SLICE_PAUSE_MS, signal);
    }
    await commit.write(() => db.run("DELETE FROM senders WHERE heard_at < ?", clock.now() - SENDER_MS));
  }

  /** Brings all of a series to where it belongs by its age; false when nothing is left, and it is forgotten. */
  #tidy({ id, putAt }: SeriesEntry, now: number): boolean {
    const { db } = this.#options;
    this.#pack(id!, now - FRESH);
    for (const [index, tier] of TIERS.entries())
      this.#handOn(id!, tier, TIERS[index + 1], horizon(tier, now, this.#retention));
    const left = db.one(
      "SELECT 1 FROM (SELECT 1 FROM fresh WHERE series = :id UNION ALL SELECT 1 FROM chunks WHERE series = :id) LIMIT 1",
      { id: id! },
    );
    // one that is being put to at this moment
    if (left || now * 1000 - putAt < ROUND_MS) return true;
    db.run("DELETE FROM series WHERE id = ?", id!);
    return false;
  }

  #pack(series: number, before: number): void {
    const { db } = this.#options;
    const rows = db.all<{ start: number; period: number; point: Uint8Array }>(
      "SELECT start, period, point FROM fresh WHERE series = ? AND start < ?",
      series,
      before,
    );
    if (rows.length === 0) return;
    for (const tier of TIERS) {
      const points: Points = new Map();
      for (const { start, period, point } of rows)
        if (period === tier.period) addPoint(points, start, unpackPoint(new Unpacker(point)));
      this.#addToChunks(series, tier, points);
    }
    db.run("DELETE FROM fresh WHERE series = ? AND start < ?", series, before);
  }

  /** Chunks that end before the horizon go over into the next tier, or are forgotten. */
  #handOn(series: number, tier: Tier, next: Tier | undefined, before: number): void {
    const { db } = this.#options;
    const where = "series = ? AND period = ? AND start <= ?";
    const old = [series, tier.period, before - tier.chunk] as const;
    const chunks = db.all<{ start: number; points: Uint8Array }>(
      `SELECT start, points FROM chunks WHERE ${where}`,
      ...old,
    );
    if (chunks.length === 0) return;
    if (next) {
      const points: Points = new Map();
      for (const chunk of chunks)
        for (const [start, point] of unpackChunk(chunk.points, chunk.start, tier.period))
          addPoint(points, startOf(start, next.period), point);
      this.#addToChunks(series, next, points);
    }
    db.run(`DELETE FROM chunks WHERE ${where}`, ...old);
  }

  #addToChunks(series: number, { period, chunk }: Tier, points: Points): void {
    const { db } = this.#options;
    const byChunk = Map.groupBy(points, ([start]) => startOf(start, chunk));
    for (const [start, added] of byChunk) {
      const known = db.one(
        "SELECT points FROM chunks WHERE series = ? AND period = ? AND start = ?",
        series,
        period,
        start,
      ) as { points: Uint8Array } | undefined;
      const all: Points = new Map(known && unpackChunk(known.points, start, period));
      for (const [at, point] of added) addPoint(all, at, point);
      db.run(
        "INSERT OR REPLACE INTO chunks (series, period, start, points) VALUES (?, ?, ?, ?)",
        series,
        period,
        start,
        packChunk(all, start, period),
      );
    }
  }
}
