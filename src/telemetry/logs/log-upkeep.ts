/** What keeps the store of log events within its bounds: the time that a group asks for, and the size of all. */
import type { Log } from "../../base/log.ts";
import type { Database } from "../../base/sqlite/database.ts";

const DAY_MS = 86_400_000;
/** So many events go at a time, so that a look never takes long. */
const BATCH = 5_000;
const BATCHES = 40;
/** How far below its bound the store is brought. */
const LOW_WATER = 0.9;

/** Removes what is older than its group asks for, and while there is more than `maxBytes` the oldest of the largest group. */
export function trimTo(db: Database, now: number, maxBytes: number, log: Log): void {
  let batches = BATCHES;
  type Kept = { id: number; days: number };
  const kept = db.all<Kept>("SELECT id, retention_days AS days FROM groups WHERE retention_days IS NOT NULL");
  for (const { id, days } of kept)
    while (batches > 0 && removeOldest(db, id, now - days * DAY_MS)) batches -= 1;

  const total = () =>
    (db.one("SELECT coalesce(sum(bytes), 0) AS bytes FROM groups") as { bytes: number }).bytes;
  if (total() <= maxBytes) return;
  const lost = new Set<string>();
  while (batches > 0 && total() > maxBytes * LOW_WATER) {
    const { id, name } = db.one("SELECT id, name FROM groups ORDER BY bytes DESC LIMIT 1") as {
      id: number;
      name: string;
    };
    if (!removeOldest(db, id, Infinity)) break;
    lost.add(name);
    batches -= 1;
  }
  log.warn("There are more log events than are kept: the oldest of the largest groups are removed.", {
    groups: [...lost],
    maxBytes,
  });
}

/** A batch of the oldest events of before `end`; false when there is none. */
function removeOldest(db: Database, group: number, end: number): boolean {
  return db.transaction(() => {
    const before = Math.min(end, Number.MAX_SAFE_INTEGER);
    const oldest = `SELECT time, sequence, octet_length(message) + 26 AS bytes FROM events
      WHERE log_group = ? AND time < ? ORDER BY time, sequence LIMIT ${BATCH}`;
    type Row = { time: number; sequence: number; bytes: number };
    const rows = db.all<Row>(oldest, group, before);
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
