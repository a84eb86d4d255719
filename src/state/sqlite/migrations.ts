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
