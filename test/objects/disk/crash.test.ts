import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { openTestStore } from "../../capabilities/s3/s3-server.ts";
import { collected } from "../object-store-contract.ts";

const ROUNDS = 8;

test(
  "kill -9 in the middle of writes loses nothing acknowledged and tears nothing",
  { timeout: 120_000 },
  async () => {
    const dir = await mkdtemp(join(tmpdir(), "tideway-crash-"));
    /** The last write of each key that was acknowledged, as its place in the order of all of that key. */
    const acknowledged = new Map<string, number>();
    let total = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const writer = fileURLToPath(new URL("crash-writer.ts", import.meta.url));
      const child = spawn(process.execPath, [writer, dir, String(round)], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      let output = "";
      child.stdout.on("data", (chunk: Buffer) => {
        output += chunk.toString();
        // at another moment in each round
        if (output.split("\n").length > 20 + round * 13) child.kill("SIGKILL");
      });
      await once(child, "close");
      for (const line of output.split("\n").slice(0, -1)) {
        const [key = "", body = ""] = line.split(" ");
        acknowledged.set(key, orderOf(body));
        total++;
      }
      await using store = openTestStore(dir);
      const objects = await Array.fromAsync(store.list("bucket", ""));
      expect(objects.map(({ key }) => key)).toEqual(expect.arrayContaining([...acknowledged.keys()]));
      for (const { key, size } of objects) {
        const bytes = await collected((await store.get("bucket", key)).body);
        const name = /^<[\d-]+>/.exec(bytes.toString("latin1", 0, 40))?.[0] ?? "";
        expect(bytes.byteLength).toBe(size);
        expect(bytes.equals(Buffer.alloc(size, name)), `${key} is torn`).toBe(true);
        expect(orderOf(name), `${key} is older than what was acknowledged`).toBeGreaterThanOrEqual(
          acknowledged.get(key) ?? 0,
        );
      }
      // nothing but the bytes of visible objects is left
      await expect.poll(async () => (await fileNames(dir)).length, { timeout: 10_000 }).toBe(objects.length);
    }
    expect(total).toBeGreaterThan(ROUNDS * 20);
    await rm(dir, { recursive: true });
  },
);

function orderOf(body: string): number {
  const [round = 0, , n = 0] = body.replaceAll(/[<>]/g, "").split("-").map(Number);
  return round * 1_000_000 + n;
}

async function fileNames(dir: string): Promise<string[]> {
  const entries = await readdir(join(dir, "files"), { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => entry.name);
}
