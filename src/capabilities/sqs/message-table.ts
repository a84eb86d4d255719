/** The messages of all queues, in a SQLite file of their own: many, and short-lived. */
import type { Database } from "../../base/sqlite/database.ts";
import type { StoredAttributes } from "./message-attributes.ts";

/** The schema's steps, oldest first. */
export const MESSAGE_MIGRATIONS: readonly string[] = [
  `CREATE TABLE messages (
     id INTEGER PRIMARY KEY AUTOINCREMENT,
     queue TEXT NOT NULL,
     message_id TEXT NOT NULL,
     group_id TEXT,
     sent_at REAL NOT NULL,
     visible_at REAL NOT NULL,
     first_received_at REAL,
     receives INTEGER NOT NULL DEFAULT 0,
     receipt TEXT
   ) STRICT;
   -- apart from the messages, so that taking one writes a small row, and counting them reads none of this
   CREATE TABLE contents (
     id INTEGER PRIMARY KEY REFERENCES messages (id) ON DELETE CASCADE,
     system TEXT NOT NULL,
     attributes TEXT NOT NULL,
     body TEXT NOT NULL
   ) STRICT;
   CREATE INDEX messages_by_visibility ON messages (queue, visible_at, id);
   CREATE INDEX messages_by_age ON messages (queue, sent_at);
   CREATE INDEX messages_by_group ON messages (queue, group_id, visible_at) WHERE group_id IS NOT NULL;
   CREATE TABLE deduplication (
     queue TEXT NOT NULL,
     id TEXT NOT NULL,
     message_id TEXT NOT NULL,
     sequence INTEGER NOT NULL,
     expires_at REAL NOT NULL,
     PRIMARY KEY (queue, id)
   ) STRICT, WITHOUT ROWID;`,
];

/** What is told of a message besides body and attributes. */
export interface SystemAttributes {
  readonly SenderId: string;
  readonly AWSTraceHeader?: string;
  readonly MessageDeduplicationId?: string;
  readonly DeadLetterQueueSourceArn?: string;
}

export interface NewMessage {
  readonly messageId: string;
  readonly body: string;
  readonly attributes: StoredAttributes;
  readonly system: SystemAttributes;
  readonly groupId?: string | undefined;
  readonly delayMs: number;
}

/** A message that was taken by a receiver. */
export interface TakenMessage {
  /** Its place in the order of all messages. */
  readonly id: number;
  readonly messageId: string;
  readonly body: string;
  readonly attributes: StoredAttributes;
  readonly system: SystemAttributes;
  readonly groupId: string | undefined;
  readonly sentAt: number;
  readonly firstReceivedAt: number;
  readonly receives: number;
  readonly receipt: string;
}

export interface Taking {
  readonly now: number;
  readonly limit: number;
  readonly visibilityMs: number;
  readonly retentionMs: number;
  readonly fifo: boolean;
  /** Where a message goes that was received so often. */
  readonly redrive:
    | { readonly queue: string; readonly maxReceives: number; readonly sourceArn: string }
    | undefined;
  /** A new one for each message. */
  readonly receipt: () => string;
}

export interface Counts {
  readonly visible: number;
  readonly inFlight: number;
  readonly delayed: number;
}

interface Row {
  readonly id: number;
  readonly message_id: string;
  readonly group_id: string | null;
  readonly sent_at: number;
  readonly first_received_at: number | null;
  readonly receives: number;
}

interface Content {
  readonly system: string;
  readonly attributes: string;
  readonly body: string;
}

const STANDARD = `SELECT * FROM messages WHERE queue = :queue AND visible_at <= :now ORDER BY visible_at, id LIMIT :limit`;
/** A group waits while one of its messages is in flight, or an earlier one is delayed. */
const FIFO = `SELECT * FROM messages AS m WHERE queue = :queue AND visible_at <= :now AND NOT EXISTS (
    SELECT 1 FROM messages AS e WHERE e.queue = m.queue AND e.group_id = m.group_id AND e.visible_at > :now
      AND (e.receipt IS NOT NULL OR e.id < m.id)
  ) ORDER BY id LIMIT :limit`;

/** Every method is synchronous, to be called within a transaction where it writes. Times in ms. */
export class MessageTable {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Its place in the order of all messages. */
  add(queue: string, message: NewMessage, now: number): number {
    const { id } = this.#database.run(
      `INSERT INTO messages (queue, message_id, group_id, sent_at, visible_at)
       VALUES (:queue, :messageId, :groupId, :now, :visibleAt)`,
      {
        queue,
        messageId: message.messageId,
        groupId: message.groupId ?? null,
        now,
        visibleAt: now + message.delayMs,
      },
    );
    this.#database.run(
      "INSERT INTO contents (id, system, attributes, body) VALUES (?, ?, ?, ?)",
      id,
      JSON.stringify(message.system),
      JSON.stringify(message.attributes),
      message.body,
    );
    return id;
  }

  /** The message that was sent with this deduplication id and is still remembered. */
  sentBefore(queue: string, id: string, now: number): { messageId: string; sequence: number } | undefined {
    return this.#database.one(
      `SELECT message_id AS messageId, sequence FROM deduplication WHERE queue = ? AND id = ? AND expires_at > ?`,
      queue,
      id,
      now,
    ) as { messageId: string; sequence: number } | undefined;
  }

  remember(queue: string, id: string, messageId: string, sequence: number, expiresAt: number): void {
    this.#database.run(
      `INSERT OR REPLACE INTO deduplication (queue, id, message_id, sequence, expires_at) VALUES (?, ?, ?, ?, ?)`,
      queue,
      id,
      messageId,
      sequence,
      expiresAt,
    );
  }

  /** Messages that can be seen, which nobody else sees from now on; those received too often are moved instead. */
  take(queue: string, taking: Taking): { taken: TakenMessage[]; moved: number } {
    const { now, limit, redrive } = taking;
    this.expire(queue, now - taking.retentionMs);
    const taken: TakenMessage[] = [];
    let moved = 0;
    for (let found = limit; found > 0 && taken.length < limit;) {
      const rows = this.#database.all<Row>(taking.fifo ? FIFO : STANDARD, {
        queue,
        now,
        limit: limit - taken.length,
      });
      const before = moved;
      for (const row of rows)
        if (redrive && row.receives >= redrive.maxReceives) {
          this.#move(row, redrive, now);
          moved++;
        } else taken.push(this.#takeOne(row, taking));
      found = moved - before;
    }
    return { taken, moved };
  }

  /** Whether the receipt was the newest of a message. */
  remove(queue: string, id: number, receipt: string): boolean {
    return (
      this.#database.run(
        "DELETE FROM messages WHERE id = ? AND queue = ? AND receipt = ?",
        id,
        queue,
        receipt,
      ).changes > 0
    );
  }

  /** "gone" when there is no such message, "visible" when nobody holds it any more. */
  changeVisibility(
    queue: string,
    id: number,
    receipt: string,
    now: number,
    visibleAt: number,
  ): "changed" | "gone" | "visible" {
    const row = this.#database.one(
      "SELECT visible_at FROM messages WHERE id = ? AND queue = ? AND receipt = ?",
      id,
      queue,
      receipt,
    ) as { visible_at: number } | undefined;
    if (!row) return "gone";
    if (row.visible_at <= now) return "visible";
    this.#database.run("UPDATE messages SET visible_at = ? WHERE id = ?", visibleAt, id);
    return "changed";
  }

  /** When the next message of a queue can be seen that can not be seen now. */
  nextVisible(queue: string, now: number): number | undefined {
    const { at } = this.#database.one(
      "SELECT min(visible_at) AS at FROM messages WHERE queue = ? AND visible_at > ?",
      queue,
      now,
    ) as { at: number | null };
    return at ?? undefined;
  }

  count(queue: string, now: number, retentionMs: number): Counts {
    return this.#database.one(
      `SELECT count(*) FILTER (WHERE visible_at <= :now) AS visible,
         count(*) FILTER (WHERE visible_at > :now AND receipt IS NOT NULL) AS inFlight,
         count(*) FILTER (WHERE visible_at > :now AND receipt IS NULL) AS delayed
       FROM messages WHERE queue = :queue AND sent_at > :oldest`,
      { queue, now, oldest: now - retentionMs },
    ) as Counts;
  }

  /** Removes what was sent at that time or before. */
  expire(queue: string, sentBy: number): void {
    this.#database.run("DELETE FROM messages WHERE queue = ? AND sent_at <= ?", queue, sentBy);
  }

  /** Deduplication ids that no longer count. */
  forget(now: number): void {
    this.#database.run("DELETE FROM deduplication WHERE expires_at <= ?", now);
  }

  /** Removes all messages of a queue. */
  purge(queue: string): void {
    this.#database.run("DELETE FROM messages WHERE queue = ?", queue);
  }

  /** Of which queues there are messages. */
  queues(): string[] {
    return this.#database
      .all<{ queue: string }>("SELECT DISTINCT queue FROM messages")
      .map(({ queue }) => queue);
  }

  #takeOne(row: Row, { now, visibilityMs, receipt: newReceipt }: Taking): TakenMessage {
    const receipt = newReceipt();
    const firstReceivedAt = row.first_received_at ?? now;
    this.#database.run(
      "UPDATE messages SET receives = ?, first_received_at = ?, visible_at = ?, receipt = ? WHERE id = ?",
      row.receives + 1,
      firstReceivedAt,
      now + visibilityMs,
      receipt,
      row.id,
    );
    const content = this.#database.one("SELECT * FROM contents WHERE id = ?", row.id) as Content;
    return {
      id: row.id,
      messageId: row.message_id,
      body: content.body,
      attributes: JSON.parse(content.attributes) as StoredAttributes,
      system: JSON.parse(content.system) as SystemAttributes,
      groupId: row.group_id ?? undefined,
      sentAt: row.sent_at,
      firstReceivedAt,
      receives: row.receives + 1,
      receipt,
    };
  }

  #move(row: Row, { queue, sourceArn }: NonNullable<Taking["redrive"]>, now: number): void {
    this.#database.run(
      "UPDATE messages SET queue = ?, visible_at = ?, receipt = NULL WHERE id = ?",
      queue,
      now,
      row.id,
    );
    this.#database.run(
      "UPDATE contents SET system = json_set(system, '$.DeadLetterQueueSourceArn', ?) WHERE id = ?",
      sourceArn,
      row.id,
    );
  }
}
