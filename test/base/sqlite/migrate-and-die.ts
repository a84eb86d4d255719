/** A process that brings a database to a newer schema, and kills itself where the steps call `die()`. */
import { DatabaseSync } from "node:sqlite";
import { migrate } from "../../../src/base/sqlite/migrate.ts";

const [path = "", steps = "[]"] = process.argv.slice(2);
const database = new DatabaseSync(path);
database.function("die", () => {
  process.kill(process.pid, "SIGKILL");
  return 0;
});
migrate(database, path, JSON.parse(steps) as string[]);
