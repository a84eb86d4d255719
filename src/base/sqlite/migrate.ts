import type { DatabaseSync } from "node:sqlite";

/**
 * Brings a database to the newest schema, each step whole or not at all; refuses a newer one than these steps know.
 * Step N brings it from version N to N + 1, and is never changed once released.
 */
export function migrate(database: DatabaseSync, path: string, steps: readonly string[]): void {
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
