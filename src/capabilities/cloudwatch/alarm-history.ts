/** What happened to alarms, for a month: a table of its own, because nothing decides by it. */
import type { AlarmType, HistoryItemType } from "@aws-sdk/client-cloudwatch";
import { Database } from "../../base/sqlite/database.ts";
import { GroupCommit } from "../../base/sqlite/group-commit.ts";

const MIGRATIONS = [
  `CREATE TABLE history (
     id INTEGER PRIMARY KEY,
     key TEXT NOT NULL UNIQUE,
     alarm TEXT NOT NULL,
     alarm_type TEXT NOT NULL,
     at INTEGER NOT NULL,
     item_type TEXT NOT NULL,
     summary TEXT NOT NULL,
     data TEXT NOT NULL
   ) STRICT;
   CREATE INDEX history_by_time ON history (at, id);
   CREATE INDEX history_by_alarm ON history (alarm, at, id);`,
];

export interface HistoryItem {
  /** An item of the same key is the same item: it is kept once. */
  readonly key: string;
  readonly alarm: string;
  readonly alarmType: AlarmType;
  readonly at: number;
  readonly itemType: HistoryItemType;
  readonly summary: string;
  /** JSON. */
  readonly data: string;
}

export interface HistoryQuery {
  readonly alarm?: string | undefined;
  readonly alarmTypes: readonly string[];
  readonly itemType?: string | undefined;
  /** Both inclusive. */
  readonly from: number;
  readonly to: number;
  readonly newestFirst: boolean;
  readonly limit: number;
  /** The position of the last item of the page before. */
  readonly after?: HistoryPosition | undefined;
}

export type HistoryPosition = readonly [at: number, id: number];

/** CloudWatch keeps history for 30 days; the rest is a bound for alarms that flap. */
const KEPT_MS = 30 * 86_400_000;
const MOST_ITEMS = 200_000;
const WRITES_PER_PRUNING = 500;

interface Row {
  readonly id: number;
  readonly key: string;
  readonly alarm: string;
  readonly alarm_type: AlarmType;
  readonly at: number;
  readonly item_type: HistoryItemType;
  readonly summary: string;
  readonly data: string;
}

export class AlarmHistory implements AsyncDisposable {
  readonly #database: Database;
  readonly #group: GroupCommit;
  readonly #mostItems: number;
  #sincePruning = WRITES_PER_PRUNING;

  constructor(file: string, fatal: (error: Error) => void, mostItems = MOST_ITEMS) {
    this.#database = new Database(file, { migrations: MIGRATIONS, fatal });
    this.#group = new GroupCommit(this.#database);
    this.#mostItems = mostItems;
  }

  /** Resolves once the item is on the disk; false when it was there before. */
  add(item: HistoryItem): Promise<boolean> {
    const { key, alarm, alarmType, at, itemType, summary, data } = item;
    return this.#group.write(() => {
      const { changes } = this.#database.run(
        "INSERT OR IGNORE INTO history (key, alarm, alarm_type, at, item_type, summary, data) VALUES (?, ?, ?, ?, ?, ?, ?)",
        key,
        alarm,
        alarmType,
        at,
        itemType,
        summary,
        data,
      );
      if (++this.#sincePruning > WRITES_PER_PRUNING) this.#prune(at);
      return changes > 0;
    });
  }

  has(key: string): boolean {
    return this.#database.one("SELECT 1 FROM history WHERE key = ?", key) !== undefined;
  }

  /** One item more than the limit tells that there is a next page. */
  list(query: HistoryQuery): readonly (HistoryItem & { readonly position: HistoryPosition })[] {
    const { alarm, alarmTypes, itemType, from, to, newestFirst, limit, after } = query;
    const [than, order] = newestFirst ? ["<", "DESC"] : [">", "ASC"];
    const conditions = ["at BETWEEN :from AND :to", "alarm_type IN (SELECT value FROM json_each(:types))"];
    const values: Record<string, string | number> = { from, to, types: JSON.stringify(alarmTypes), limit };
    if (alarm !== undefined) {
      conditions.push("alarm = :alarm");
      values.alarm = alarm;
    }
    if (itemType !== undefined) {
      conditions.push("item_type = :itemType");
      values.itemType = itemType;
    }
    if (after) {
      conditions.push(`(at, id) ${than} (:afterAt, :afterId)`);
      [values.afterAt, values.afterId] = after;
    }
    return this.#database
      .all<Row>(
        `SELECT * FROM history WHERE ${conditions.join(" AND ")} ORDER BY at ${order}, id ${order} LIMIT :limit`,
        values,
      )
      .map((row) => ({
        key: row.key,
        alarm: row.alarm,
        alarmType: row.alarm_type,
        at: row.at,
        itemType: row.item_type,
        summary: row.summary,
        data: row.data,
        position: [row.at, row.id],
      }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // what was asked for before is still written
    await this.#group.write(() => {});
    this.#database[Symbol.dispose]();
  }

  #prune(now: number): void {
    this.#sincePruning = 0;
    this.#database.run("DELETE FROM history WHERE at < ?", now - KEPT_MS);
    this.#database.run(
      "DELETE FROM history WHERE id <= (SELECT id FROM history ORDER BY id DESC LIMIT 1 OFFSET ?)",
      this.#mostItems,
    );
  }
}
