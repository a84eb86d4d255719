import type { DatabaseSync } from "node:sqlite";

/** The schema's steps, oldest first: step N brings a database from version N to N + 1. A step is never changed once released. */
export const migrations: readonly string[] = [
  `CREATE TABLE meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;
   CREATE TABLE resources (
     id INTEGER PRIMARY KEY AUTOINCREMENT,
     kind TEXT NOT NULL,
     key TEXT NOT NULL,
     name TEXT NOT NULL,
     arn TEXT NOT NULL UNIQUE,
     uid TEXT NOT NULL,
     owner TEXT,
     generation INTEGER NOT NULL,
     version INTEGER NOT NULL,
     state TEXT NOT NULL,
     created_at REAL NOT NULL,
     updated_at REAL NOT NULL,
     deleting_at REAL,
     spec TEXT NOT NULL,
     status TEXT NOT NULL,
     UNIQUE (kind, key)
   ) STRICT;
   CREATE INDEX resources_by_creation ON resources (kind, created_at);
   CREATE INDEX resources_by_update ON resources (kind, updated_at);
   CREATE INDEX resources_by_state ON resources (kind, state);
   CREATE INDEX resources_by_owner ON resources (kind, owner, created_at) WHERE owner IS NOT NULL;
   CREATE TABLE tags (
     resource INTEGER NOT NULL REFERENCES resources (id) ON DELETE CASCADE,
     key TEXT NOT NULL,
     value TEXT NOT NULL,
     PRIMARY KEY (resource, key)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE events (
     id INTEGER PRIMARY KEY,
     at REAL NOT NULL,
     kind TEXT NOT NULL,
     key TEXT NOT NULL,
     name TEXT NOT NULL,
     uid TEXT NOT NULL,
     "from" TEXT,
     "to" TEXT NOT NULL,
     reason TEXT
   ) STRICT;
   CREATE INDEX events_by_resource ON events (kind, key);`,
];

/** Brings a database to the newest schema, each step whole or not at all; refuses a newer one than these steps know. */
export function migrate(database: DatabaseSync, path: string, steps: readonly string[] = migrations): void {
  const { user_version: found } = database.prepare("PRAGMA user_version").get() as { user_version: number };
  if (found > steps.length)
    throw new Error(
      `${path} was written by a newer Tideway (schema ${found}; this one knows up to ${steps.length}). ` +
        "Start the newer version, or restore a backup made before the upgrade.",
    );
  for (const [version, sql] of steps.entries()) {
    if (version < found) continue;
    database.exec("BEGIN IMMEDIATE");
    try {
      database.exec(sql);
      database.exec(`PRAGMA user_version = ${version + 1}`);
      database.exec("COMMIT");
    } catch (error) {
      if (database.isTransaction) database.exec("ROLLBACK");
      throw error;
    }
  }
}
