/** What keeps the store of log events within its bounds: the time that a group asks for, and the size of all. */
import type { Database } from "../../base/sqlite/database.ts";

const DAY_MS = 86_400_000;
/** So many events go at a time, for nothing else happens meanwhile. */
const BATCH = 2_000;

/** What is left of a deleted group has this retention, and a name that no group can be given. */
export const DELETED_DAYS = -1;

/** Removes some of what is older than its group asks for; false when there is nothing of it left. */
export function removeExpired(db: Database, now: number): boolean {
  type Kept = { id: number; days: number };
  const kept = db.all<Kept>("SELECT id, retention_days AS days FROM groups WHERE retention_days IS NOT NULL");
  for (const { id, days } of kept) {
    if (removeOldest(db, id, now - days * DAY_MS)) return true;
    if (days === DELETED_DAYS) db.run("DELETE FROM groups WHERE id = ?", id);
  }
  return false;
}

/** While there is more than `maxBytes`, removes some of the oldest of the largest group, and tells which it is. */
export function removeExcess(db: Database, maxBytes: number): string | undefined {
  const { bytes } = db.one("SELECT coalesce(sum(bytes), 0) AS bytes FROM groups") as { bytes: number };
  if (bytes <= maxBytes) return undefined;
  const largest = "SELECT id, name FROM groups ORDER BY bytes DESC LIMIT 1";
  const { id, name } = db.one(largest) as { id: number; name: string };
  return removeOldest(db, id, Number.MAX_SAFE_INTEGER) ? name : undefined;
}

/** A batch of the oldest events of before `end`; false when there is none. */
function removeOldest(db: Database, group: number, end: number): boolean {
  return db.transaction(() => {
    const oldest = `SELECT time, sequence, octet_length(message) + 26 AS bytes FROM events
      WHERE log_group = ? AND time < ? ORDER BY time, sequence LIMIT ${BATCH}`;
    type Row = { time: number; sequence: number; bytes: number };
    const rows = db.all<Row>(oldest, group, end);
    const last = rows.at(-1);
    if (!last) return false;
    db.run(
      "DELETE FROM events WHERE log_group = ? AND (time, sequence) <= (?, ?)",
      group,
      last.time,
      last.sequence,
    );
    const bytes = rows.reduce((sum, row) => sum + row.bytes, 0);
    db.run("UPDATE groups SET bytes = bytes - ? WHERE id = ?", bytes, group);
    return true;
  });
}
