/**
 * A process that writes to the store in the file it is given, and says so only once the store did: `ack NAME VERSION`,
 * or `full NAME` when the disk had no room. It starts at a number and does as many as it is told.
 */
import { writeSync } from "node:fs";
import { systemClock } from "../../../src/base/clock.ts";
import { silentLog } from "../../../src/base/log.ts";
import { systemRandom } from "../../../src/base/random.ts";
import { openSqliteStore } from "../../../src/state/sqlite/sqlite-store.ts";
import { StorageFull } from "../../../src/base/sqlite/database.ts";
import { draft, Widget } from "../../support/widget.ts";

const [path = "", first = "0", count = "Infinity"] = process.argv.slice(2);
const store = openSqliteStore(path, { clock: systemClock, random: systemRandom, log: silentLog });
for (let i = Number(first); i < Number(first) + Number(count); i++) {
  const name = `w${i}`;
  try {
    const created = await store.create(Widget, draft(name, i, { tags: { padding: "x".repeat(200) } }));
    writeSync(1, `ack ${name} 1\n`);
    await store.update(Widget, created, { status: { state: "InService" } });
    writeSync(1, `ack ${name} 2\n`);
  } catch (error) {
    if (!(error instanceof StorageFull)) throw error;
    // Reading goes on while nothing can be written.
    await store.list(Widget, { sortBy: "Name", descending: false, limit: 10 });
    writeSync(1, `full ${name}\n`);
  }
}
