/**
 * The queue of asynchronous requests: a SQLite file. What it acknowledges is on the disk; what is written in one turn
 * of the event loop shares one commit, so that many requests cost one fsync.
 */
import { Database } from "../../base/sqlite/database.ts";
import { GroupCommit } from "../../base/sqlite/group-commit.ts";
import { LONGEST_PAUSE_MS } from "./next-step.ts";
import type { Backlog } from "./async-metrics.ts";
import type { AsyncRequest, EndedRequest, Ending, QueuedRequest } from "./request.ts";

const MIGRATIONS: readonly string[] = [
  `CREATE TABLE requests (
     id INTEGER PRIMARY KEY AUTOINCREMENT,
     endpoint TEXT NOT NULL,
     state TEXT NOT NULL CHECK (state IN ('Queued', 'Running', 'Ended')),
     attempt INTEGER NOT NULL DEFAULT 0,
     breaks INTEGER NOT NULL DEFAULT 0,
     due_at REAL NOT NULL,
     expires_at REAL NOT NULL,
     begun_at REAL,
     request TEXT NOT NULL,
     ending TEXT
   ) STRICT;
   CREATE INDEX requests_by_turn ON requests (endpoint, state, due_at, id);
   CREATE INDEX requests_by_expiry ON requests (state, expires_at);
   CREATE TABLE bodies (
     request INTEGER PRIMARY KEY REFERENCES requests (id) ON DELETE CASCADE,
     body BLOB NOT NULL
   ) STRICT;`,
];

interface Row {
  readonly id: number;
  readonly attempt: number;
  readonly breaks: number;
  readonly begun_at: number | null;
  readonly request: string;
  readonly ending: string | null;
}

/** What of an attempt is checked by every write that ends it. */
type Attempt = Pick<QueuedRequest, "id" | "attempt">;

export class RequestTable implements Disposable {
  readonly #db: Database;
  readonly #commit: GroupCommit;

  constructor(path: string, fatal: (error: Error) => void) {
    this.#db = new Database(path, { migrations: MIGRATIONS, fatal });
    this.#commit = new GroupCommit(this.#db);
  }

  /** Durable when it resolves. */
  add(request: AsyncRequest, body?: Uint8Array): Promise<void> {
    return this.#commit.write(() => {
      const { id } = this.#db.run(
        "INSERT INTO requests (endpoint, state, due_at, expires_at, request) VALUES (?, 'Queued', ?, ?, ?)",
        request.endpointUid,
        request.receivedAt,
        request.expiresAt,
        JSON.stringify(request),
      );
      if (body) this.#db.run("INSERT INTO bodies (request, body) VALUES (?, ?)", id, body);
    });
  }

  /**
   * Begins up to `limit` requests whose turn it is: from here on only this attempt may end them. What is due later than
   * any pause lasts was written before the clock was set back, and its turn it is.
   */
  lease(endpointUid: string, now: number, limit: number): Promise<QueuedRequest[]> {
    return this.#commit.write(() =>
      this.#db
        .all<Row>(
          `UPDATE requests SET state = 'Running', attempt = attempt + 1, begun_at = coalesce(begun_at, :now)
           WHERE id IN (SELECT id FROM requests WHERE endpoint = :endpoint AND state = 'Queued'
                          AND (due_at <= :now OR due_at > :now + :longest)
                        ORDER BY due_at, id LIMIT :limit)
           RETURNING *`,
          { endpoint: endpointUid, now, limit, longest: LONGEST_PAUSE_MS },
        )
        .map(queued)
        .sort((one, other) => one.id - other.id),
    );
  }

  /** Gives an attempt back, to be begun again from `dueAt` on. */
  requeue({ id, attempt }: Attempt, dueAt: number, broke: boolean): Promise<void> {
    return this.#commit.write(() => {
      this.#db.run(
        `UPDATE requests SET state = 'Queued', due_at = ?, breaks = breaks + ?
         WHERE id = ? AND attempt = ? AND state = 'Running'`,
        dueAt,
        broke ? 1 : 0,
        id,
        attempt,
      );
    });
  }

  /** Writes how it ended; false when another has ended or begun it since. */
  end({ id, attempt }: Attempt, ending: Ending): Promise<boolean> {
    return this.#commit.write(
      () =>
        this.#db.run(
          "UPDATE requests SET state = 'Ended', ending = ? WHERE id = ? AND attempt = ? AND state <> 'Ended'",
          JSON.stringify(ending),
          id,
          attempt,
        ).changes > 0,
    );
  }

  /** Everybody who should know of its end does; false when another attempt has it. */
  remove({ id, attempt }: Attempt): Promise<boolean> {
    return this.#commit.write(
      () => this.#db.run("DELETE FROM requests WHERE id = ? AND attempt = ?", id, attempt).changes > 0,
    );
  }

  /** Whatever an earlier process had begun is nobody's: it is queued again. Tells how many there were. */
  async recover(): Promise<number> {
    return this.#commit.write(
      () => this.#db.run("UPDATE requests SET state = 'Queued' WHERE state = 'Running'").changes,
    );
  }

  body(id: number): Uint8Array | undefined {
    const row = this.#db.one("SELECT body FROM bodies WHERE request = ?", id);
    return (row as { body: Uint8Array } | undefined)?.body;
  }

  /** Those that waited for too long. */
  expired(now: number, limit: number): QueuedRequest[] {
    const sql =
      "SELECT * FROM requests WHERE state = 'Queued' AND expires_at <= ? ORDER BY expires_at LIMIT ?";
    return this.#db.all<Row>(sql, now, limit).map(queued);
  }

  queued(endpointUid: string, limit: number): QueuedRequest[] {
    const sql = "SELECT * FROM requests WHERE endpoint = ? AND state = 'Queued' ORDER BY due_at, id LIMIT ?";
    return this.#db.all<Row>(sql, endpointUid, limit).map(queued);
  }

  /** Up to `most`: how many of an endpoint wait. */
  backlog(endpointUid: string, most: number): number {
    const sql =
      "SELECT count(*) AS count FROM (SELECT 1 FROM requests WHERE endpoint = ? AND state = 'Queued' LIMIT ?)";
    return (this.#db.one(sql, endpointUid, most) as { count: number }).count;
  }

  /** Those of an endpoint that have not ended. */
  waiting(endpointUid: string): Backlog {
    const { count, first } = this.#db.one(
      "SELECT count(*) AS count, min(id) AS first FROM requests WHERE endpoint = ? AND state IN ('Queued', 'Running')",
      endpointUid,
    ) as { count: number; first: number | null };
    const oldest = this.#db.one("SELECT request FROM requests WHERE id = ?", first) as
      | { request: string }
      | undefined;
    const oldestAt = oldest && (JSON.parse(oldest.request) as AsyncRequest).receivedAt;
    return { requests: count, oldestAt };
  }

  ended(): EndedRequest[] {
    const sql = "SELECT * FROM requests WHERE state = 'Ended' ORDER BY id";
    return this.#db
      .all<Row>(sql)
      .map((row) => ({ ...queued(row), ending: JSON.parse(row.ending!) as Ending }));
  }

  /** The uids of endpoints that requests wait for. */
  endpoints(): string[] {
    const sql = "SELECT DISTINCT endpoint FROM requests WHERE state <> 'Ended'";
    return this.#db.all<{ endpoint: string }>(sql).map(({ endpoint }) => endpoint);
  }

  [Symbol.dispose](): void {
    this.#db[Symbol.dispose]();
  }
}

function queued({ id, attempt, breaks, begun_at, request }: Row): QueuedRequest {
  return {
    id,
    attempt,
    breaks,
    begunAt: begun_at ?? undefined,
    request: JSON.parse(request) as AsyncRequest,
  };
}
