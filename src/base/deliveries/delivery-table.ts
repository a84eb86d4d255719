/** What is still to be delivered, in a SQLite file of its own. */
import type { Database } from "../sqlite/database.ts";

/** The schema's steps, oldest first. The column `subscription` is the lane. */
export const DELIVERY_MIGRATIONS: readonly string[] = [
  `CREATE TABLE messages (id INTEGER PRIMARY KEY AUTOINCREMENT, message TEXT NOT NULL) STRICT;
   CREATE TABLE deliveries (
     id INTEGER PRIMARY KEY AUTOINCREMENT,
     message INTEGER NOT NULL REFERENCES messages (id),
     subscription TEXT NOT NULL,
     failures INTEGER NOT NULL DEFAULT 0,
     due_at REAL NOT NULL
   ) STRICT;
   CREATE INDEX deliveries_by_subscription ON deliveries (subscription, due_at, id);
   CREATE INDEX deliveries_by_message ON deliveries (message);`,
];

/** One message on its way to one recipient. */
export interface Delivery<Message> {
  readonly id: number;
  /** To whom: what a lane is for. */
  readonly lane: string;
  /** How many attempts failed. */
  readonly failures: number;
  readonly dueAt: number;
  readonly message: Message;
}

/** Every method is synchronous, to be called within a transaction where it writes. Times in ms. */
export class DeliveryTable<Message> {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  add(message: Message, lanes: readonly string[], dueAt: number): void {
    if (!lanes.length) return;
    const { id } = this.#database.run("INSERT INTO messages (message) VALUES (?)", JSON.stringify(message));
    for (const lane of lanes)
      this.#database.run(
        "INSERT INTO deliveries (message, subscription, due_at) VALUES (?, ?, ?)",
        id,
        lane,
        dueAt,
      );
  }

  /** The one that is due first and is not among those. */
  next(lane: string, except: readonly number[]): Delivery<Message> | undefined {
    const row = this.#database.one(
      `SELECT d.id, d.subscription AS lane, d.failures, d.due_at AS dueAt, m.message FROM deliveries AS d
       JOIN messages AS m ON m.id = d.message
       WHERE d.subscription = ? AND d.id NOT IN (SELECT value FROM json_each(?)) ORDER BY d.due_at, d.id LIMIT 1`,
      lane,
      JSON.stringify(except),
    ) as (Omit<Delivery<Message>, "message"> & { readonly message: string }) | undefined;
    return row && { ...row, message: JSON.parse(row.message) as Message };
  }

  postpone(id: number, failures: number, dueAt: number): void {
    this.#database.run("UPDATE deliveries SET failures = ?, due_at = ? WHERE id = ?", failures, dueAt, id);
  }

  remove(id: number): void {
    const row = this.#database.one("DELETE FROM deliveries WHERE id = ? RETURNING message", id) as
      | { message: number }
      | undefined;
    if (row) this.#forget(row.message);
  }

  /** Everything for one recipient. */
  removeAll(lane: string): void {
    const rows = this.#database.all<{ id: number }>("SELECT id FROM deliveries WHERE subscription = ?", lane);
    for (const { id } of rows) this.remove(id);
  }

  /** Whether more than so many wait for one recipient. */
  exceeds(lane: string, most: number): boolean {
    const sql = "SELECT 1 FROM deliveries WHERE subscription = ? LIMIT 1 OFFSET ?";
    return this.#database.one(sql, lane, most) !== undefined;
  }

  /** Those that something is to be delivered to. */
  lanes(): string[] {
    return this.#database
      .all<{ lane: string }>("SELECT DISTINCT subscription AS lane FROM deliveries")
      .map(({ lane }) => lane);
  }

  #forget(message: number): void {
    this.#database.run(
      "DELETE FROM messages WHERE id = :message AND NOT EXISTS (SELECT 1 FROM deliveries WHERE message = :message)",
      { message },
    );
  }
}
