import type { Clock } from "../../base/clock.ts";
import type { Log } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import { Database } from "../../base/sqlite/database.ts";
import { PageTokens } from "../page-tokens.ts";
import { keyOf, type Kind, type Resource } from "../resource.ts";
import {
  AlreadyExists,
  Conflict,
  TooManyTags,
  type Change,
  type Draft,
  type ListQuery,
  type Page,
  type PlacedEvent,
  type ResourceEvent,
  type ResourceStore,
  type Watcher,
} from "../store.ts";
import { begin, change, removal } from "../transition.ts";
import { Watchers } from "../watchers.ts";
import { listStatement, SORT_COLUMN } from "./list-statement.ts";
import { migrations } from "./migrations.ts";

export interface SqliteStorePorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Ends the process: what is on the disk is no longer known. Without it the error is thrown out of the event loop, which ends it too. */
  readonly fatal?: (error: Error) => void;
}

interface Row {
  readonly id: number;
  readonly key: string;
  readonly name: string;
  readonly arn: string;
  readonly uid: string;
  readonly owner: string | null;
  readonly generation: number;
  readonly version: number;
  readonly state: string;
  readonly created_at: number;
  readonly updated_at: number;
  readonly deleting_at: number | null;
  readonly spec: string;
  readonly status: string;
}

/** A row of events, with nulls where an event has nothing. */
type EventRow = Readonly<Record<string, string | number | null>>;

type Stateful = { readonly state: string };
type AnyKind = Kind<any, any>;

/** Opens the store in a file, which it makes when it is missing; refuses a damaged one and one of a newer Tideway. */
export function openSqliteStore(path: string, ports: SqliteStorePorts): SqliteStore {
  const fatal =
    ports.fatal ??
    ((error: Error) => {
      setImmediate(() => {
        throw error;
      });
    });
  return new SqliteStore(new Database(path, { migrations, fatal }), ports);
}

/** The resource store of one machine: a SQLite file. Each write is one transaction, on the disk before it is answered. */
export class SqliteStore implements ResourceStore {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #watchers: Watchers;
  readonly #tokens: PageTokens;

  constructor(database: Database, { clock, random, log }: SqliteStorePorts) {
    this.#database = database;
    this.#clock = clock;
    this.#random = random;
    this.#watchers = new Watchers(log);
    this.#tokens = new PageTokens(this.#secret());
  }

  async create<Spec, Status extends Stateful>(kind: Kind<Spec, Status>, draft: Draft<Spec, Status>) {
    const { resource, event } = begin(kind, draft, this.#random.uuid(), this.#clock.now());
    const key = keyOf(kind, draft.name);
    this.#database.transaction(() => {
      const other = this.#database.one(
        "SELECT arn FROM resources WHERE kind = :kind AND key = :key UNION ALL SELECT arn FROM resources WHERE arn = :arn",
        { kind: kind.name, key, arn: draft.arn },
      ) as { arn: string } | undefined;
      if (other) throw new AlreadyExists(other.arn);
      const { id } = this.#database.run(
        `INSERT INTO resources (kind, key, name, arn, uid, owner, generation, version, state, created_at, updated_at, spec, status)
         VALUES (:kind, :key, :name, :arn, :uid, :owner, 1, 1, :state, :at, :at, :spec, :status)`,
        {
          kind: kind.name,
          key,
          name: draft.name,
          arn: draft.arn,
          uid: resource.uid,
          owner: draft.owner ?? null,
          state: resource.status.state,
          at: resource.createdAt,
          spec: JSON.stringify(resource.spec),
          status: JSON.stringify(resource.status),
        },
      );
      for (const [tag, value] of Object.entries(draft.tags ?? {})) this.#putTag(id, tag, value);
      this.#record(key, event);
    });
    this.#watchers.tell(kind.name, draft.name);
    return resource;
  }

  async get<Spec, Status extends Stateful>(kind: Kind<Spec, Status>, name: string) {
    const row = this.#row(kind, name);
    return row && toResource<Spec, Status>(row);
  }

  async list<Spec, Status extends Stateful>(
    kind: Kind<Spec, Status>,
    query: ListQuery,
  ): Promise<Page<Resource<Spec, Status>>> {
    const { sql, values } = listStatement(kind.name, query, this.#tokens.open(kind.name, query));
    const rows = this.#database.all<Row>(sql, values);
    const items = rows.slice(0, query.limit).map((row) => toResource<Spec, Status>(row));
    const last = rows[query.limit - 1];
    if (rows.length <= query.limit || !last) return { items };
    return { items, next: this.#tokens.seal(kind.name, query, [last[SORT_COLUMN[query.sortBy]], last.id]) };
  }

  async names(kind: AnyKind): Promise<readonly string[]> {
    return this.#database
      .all<{ name: string }>("SELECT name FROM resources WHERE kind = :kind ORDER BY key", {
        kind: kind.name,
      })
      .map(({ name }) => name);
  }

  async update<Spec, Status extends Stateful>(
    kind: Kind<Spec, Status>,
    seen: Resource<Spec, Status>,
    wanted: Change<Spec, Status>,
  ) {
    const resource = this.#database.transaction(() => {
      const row = this.#unchanged(kind, seen);
      const { resource, event } = change(kind, toResource<Spec, Status>(row), wanted, this.#clock.now());
      this.#database.run(
        `UPDATE resources SET generation = :generation, version = :version, state = :state, updated_at = :updatedAt,
           deleting_at = :deletingAt, spec = :spec, status = :status WHERE id = :id`,
        {
          id: row.id,
          generation: resource.generation,
          version: resource.version,
          state: resource.status.state,
          updatedAt: resource.updatedAt,
          deletingAt: resource.deletingAt ?? null,
          spec: JSON.stringify(resource.spec),
          status: JSON.stringify(resource.status),
        },
      );
      if (event) this.#record(row.key, event);
      return resource;
    });
    this.#watchers.tell(kind.name, resource.name);
    return resource;
  }

  async remove<Spec, Status extends Stateful>(kind: Kind<Spec, Status>, seen: Resource<Spec, Status>) {
    this.#database.transaction(() => {
      const row = this.#unchanged(kind, seen);
      this.#database.run("DELETE FROM resources WHERE id = :id", { id: row.id });
      this.#record(row.key, removal(kind, toResource<Spec, Status>(row), this.#clock.now()));
    });
    this.#watchers.tell(kind.name, seen.name);
  }

  async tags(arn: string) {
    const owner = this.#byArn(arn);
    return owner && this.#tagsOf(owner.id);
  }

  async putTags(arn: string, tags: Readonly<Record<string, string>>, most: number): Promise<boolean> {
    const owner = this.#database.transaction(() => {
      const owner = this.#byArn(arn);
      if (!owner) return undefined;
      for (const [key, value] of Object.entries(tags)) this.#putTag(owner.id, key, value);
      const { size } = this.#tagsOf(owner.id);
      if (size > most) throw new TooManyTags(`${arn} would have ${size} tags; ${most} are allowed`);
      return owner;
    });
    if (owner) this.#watchers.tell(owner.kind, owner.name);
    return owner !== undefined;
  }

  async removeTags(arn: string, keys: readonly string[]): Promise<boolean> {
    const owner = this.#database.transaction(() => {
      const owner = this.#byArn(arn);
      if (owner)
        for (const key of keys)
          this.#database.run("DELETE FROM tags WHERE resource = :id AND key = :key", { id: owner.id, key });
      return owner;
    });
    if (owner) this.#watchers.tell(owner.kind, owner.name);
    return owner !== undefined;
  }

  async events(kind: AnyKind, name: string, limit: number): Promise<readonly ResourceEvent[]> {
    return this.#database
      .all<EventRow>(
        `SELECT at, kind, name, uid, "from", "to", reason FROM events WHERE kind = :kind AND key = :key ORDER BY id DESC LIMIT :limit`,
        { kind: kind.name, key: keyOf(kind, name), limit },
      )
      .map((row) => withoutNulls(row));
  }

  async eventsAfter(position: number, limit: number): Promise<readonly PlacedEvent[]> {
    return this.#database
      .all<EventRow>(
        `SELECT id AS position, at, kind, name, uid, "from", "to", reason FROM events WHERE id > :position ORDER BY id LIMIT :limit`,
        { position, limit },
      )
      .map((row) => withoutNulls(row));
  }

  async newestEvent(): Promise<number> {
    const { newest } = this.#database.one("SELECT max(id) AS newest FROM events") as {
      newest: number | null;
    };
    return newest ?? 0;
  }

  watch(watcher: Watcher): () => void {
    return this.#watchers.add(watcher);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#database[Symbol.dispose]();
  }

  #row(kind: AnyKind, name: string): Row | undefined {
    return this.#database.one("SELECT * FROM resources WHERE kind = :kind AND key = :key", {
      kind: kind.name,
      key: keyOf(kind, name),
    }) as Row | undefined;
  }

  #unchanged(kind: AnyKind, seen: Resource): Row {
    const row = this.#row(kind, seen.name);
    if (row?.uid !== seen.uid || row.version !== seen.version)
      throw new Conflict(`${kind.name} ${seen.name} was written by another since version ${seen.version}`);
    return row;
  }

  #byArn(arn: string) {
    type Owner = { readonly id: number; readonly kind: string; readonly name: string };
    return this.#database.one("SELECT id, kind, name FROM resources WHERE arn = :arn", { arn }) as
      | Owner
      | undefined;
  }

  #tagsOf(id: number): ReadonlyMap<string, string> {
    type Tag = { readonly key: string; readonly value: string };
    const tags = this.#database.all<Tag>("SELECT key, value FROM tags WHERE resource = :id ORDER BY key", {
      id,
    });
    return new Map(tags.map(({ key, value }) => [key, value]));
  }

  #putTag(id: number, key: string, value: string): void {
    this.#database.run("INSERT OR REPLACE INTO tags (resource, key, value) VALUES (:id, :key, :value)", {
      id,
      key,
      value,
    });
  }

  #record(key: string, { at, kind, name, uid, from, to, reason }: ResourceEvent): void {
    this.#database.run(
      `INSERT INTO events (at, kind, key, name, uid, "from", "to", reason) VALUES (:at, :kind, :key, :name, :uid, :from, :to, :reason)`,
      { at, kind, key, name, uid, from: from ?? null, to, reason: reason ?? null },
    );
  }

  /** What page tokens are signed with. It lives in the file, so that they hold over a restart. */
  #secret(): Uint8Array {
    const name = "page-token-secret";
    const found = this.#database.one("SELECT value FROM meta WHERE key = :name", { name });
    if (found) return (found as { value: Uint8Array }).value;
    const secret = this.#random.bytes(32);
    this.#database.run("INSERT INTO meta (key, value) VALUES (:name, :secret)", { name, secret });
    return secret;
  }
}

const withoutNulls = (row: EventRow) =>
  Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null)) as never;

function toResource<Spec, Status>(row: Row): Resource<Spec, Status> {
  return {
    name: row.name,
    arn: row.arn,
    uid: row.uid,
    generation: row.generation,
    version: row.version,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    ...(row.deleting_at !== null && { deletingAt: row.deleting_at }),
    ...(row.owner !== null && { owner: row.owner }),
    spec: JSON.parse(row.spec) as Spec,
    status: JSON.parse(row.status) as Status,
  };
}
