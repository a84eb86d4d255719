/** The schema's steps, oldest first: step N brings the index from version N to N + 1. A step is never changed once released. */
export const migrations: readonly string[] = [
  `CREATE TABLE buckets (
    name TEXT PRIMARY KEY, created_at INTEGER NOT NULL, location TEXT NOT NULL, tags TEXT
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE objects (
    bucket TEXT NOT NULL REFERENCES buckets, key TEXT NOT NULL, content TEXT NOT NULL, size INTEGER NOT NULL,
    etag TEXT NOT NULL, modified_at INTEGER NOT NULL, about TEXT NOT NULL, PRIMARY KEY (bucket, key)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE uploads (
    id TEXT PRIMARY KEY, bucket TEXT NOT NULL REFERENCES buckets, key TEXT NOT NULL, created_at INTEGER NOT NULL, about TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX uploads_by_key ON uploads (bucket, key, id);
  -- What an object (or an upload, whose id becomes the object's content) consists of, in the order of the numbers.
  CREATE TABLE parts (
    content TEXT NOT NULL, number INTEGER NOT NULL, file TEXT NOT NULL, size INTEGER NOT NULL,
    md5 TEXT NOT NULL, checksum TEXT, modified_at INTEGER NOT NULL, PRIMARY KEY (content, number)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX parts_by_file ON parts (file);
  -- Files that no part names any more and that are still to be unlinked.
  CREATE TABLE garbage (file TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;`,
];
