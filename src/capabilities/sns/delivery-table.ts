/** What is still to be delivered, in a SQLite file of its own. */
import type { Database } from "../../base/sqlite/database.ts";
import type { StoredMessage } from "./message.ts";

/** The schema's steps, oldest first. */
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

export interface Delivery {
  readonly id: number;
  /** The name of the subscription. */
  readonly subscription: string;
  /** How many attempts failed. */
  readonly failures: number;
  readonly dueAt: number;
  readonly message: StoredMessage;
}

/** Every method is synchronous, to be called within a transaction where it writes. Times in ms. */
export class DeliveryTable {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  add(message: StoredMessage, subscriptions: readonly string[], dueAt: number): void {
    if (!subscriptions.length) return;
    const { id } = this.#database.run("INSERT INTO messages (message) VALUES (?)", JSON.stringify(message));
    for (const subscription of subscriptions)
      this.#database.run(
        "INSERT INTO deliveries (message, subscription, due_at) VALUES (?, ?, ?)",
        id,
        subscription,
        dueAt,
      );
  }

  /** The one that is due first and is not among those. */
  next(subscription: string, except: readonly number[]): Delivery | undefined {
    const row = this.#database.one(
      `SELECT d.id, d.subscription, d.failures, d.due_at AS dueAt, m.message FROM deliveries AS d
       JOIN messages AS m ON m.id = d.message
       WHERE d.subscription = ? AND d.id NOT IN (SELECT value FROM json_each(?)) ORDER BY d.due_at, d.id LIMIT 1`,
      subscription,
      JSON.stringify(except),
    ) as (Omit<Delivery, "message"> & { readonly message: string }) | undefined;
    return row && { ...row, message: JSON.parse(row.message) as StoredMessage };
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

  /** Everything for one subscription. */
  removeAll(subscription: string): void {
    const rows = this.#database.all<{ id: number }>(
      "SELECT id FROM deliveries WHERE subscription = ?",
      subscription,
    );
    for (const { id } of rows) this.remove(id);
  }

  /** The subscriptions that something is to be delivered to. */
  subscriptions(): string[] {
    return this.#database
      .all<{ subscription: string }>("SELECT DISTINCT subscription FROM deliveries")
      .map(({ subscription }) => subscription);
  }

  #forget(message: number): void {
    this.#database.run(
      "DELETE FROM messages WHERE id = :message AND NOT EXISTS (SELECT 1 FROM deliveries WHERE message = :message)",
      { message },
    );
  }
}
