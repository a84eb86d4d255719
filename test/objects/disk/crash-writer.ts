/** Writes objects until it is killed, and says of each what was acknowledged: `node crash-writer.ts FOLDER SEED`. */
import { writeSync } from "node:fs";
import { systemClock } from "../../../src/base/clock.ts";
import { silentLog } from "../../../src/base/log.ts";
import { systemRandom } from "../../../src/base/random.ts";
import { openDiskStore } from "../../../src/objects/disk/disk-store.ts";

const [dir = "", seed = ""] = process.argv.slice(2);
const store = openDiskStore(dir, {
  clock: systemClock,
  random: systemRandom,
  log: silentLog,
  fatal: (error) => {
    throw error;
  },
});
store.createBucket("bucket", "us-east-1");

/** Repeats its own name, so that a torn or mixed object is seen. */
async function* bytesOf(name: string, count: number): AsyncGenerator<Uint8Array> {
  for (let i = 0; i < count; i++) yield Buffer.alloc(name.length * 1000, name);
}

await Promise.all(
  Array.from({ length: 4 }, async (_, writer) => {
    for (let n = 0; ; n++) {
      const key = `key-${writer}-${n % 3}`; // most writes replace an object
      const body = `<${seed}-${writer}-${n}>`;
      await store.put("bucket", key, bytesOf(body, 1 + ((n * 7) % 40)));
      writeSync(1, `${key} ${body}\n`);
    }
  }),
);
