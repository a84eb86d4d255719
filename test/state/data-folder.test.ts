import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openDataFolder } from "../../src/state/data-folder.ts";

let folder = "";
let children: ChildProcess[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "tideway folder "));
});
afterEach(async () => {
  for (const child of children) child.kill("SIGKILL");
  children = [];
  await rm(folder, { recursive: true });
});

/** Another process that tries to open the folder, and the first thing it says. */
async function other(path: string): Promise<{ child: ChildProcess; says: string }> {
  const program = fileURLToPath(new URL("./hold-data-folder.ts", import.meta.url));
  const child = spawn(process.execPath, [program, path], { stdio: ["pipe", "pipe", "inherit"] });
  children.push(child);
  const [says] = (await once(createInterface(child.stdout), "line")) as [string];
  return { child, says };
}

test("a missing folder is made, with those above it, for its owner alone", async () => {
  const path = join(folder, "a", "b");
  await using data = await openDataFolder(path);
  expect(data.path).toBe(path);
  expect((await stat(path)).mode & 0o777).toBe(0o700);
  expect(data.resolve("objects", "x")).toBe(join(path, "objects", "x"));
});

test("a second server is refused with the process and the folder, and takes over once the first is killed", async () => {
  const { child, says } = await other(folder);
  expect(says).toBe("open");
  await expect(openDataFolder(folder)).rejects.toThrow(
    `Another Tideway server (process ${child.pid}) uses the data folder ${folder}. Stop it first`,
  );
  child.kill("SIGKILL");
  await once(child, "exit");
  expect(await readdir(folder)).toContain("lock.pid");
  await using data = await openDataFolder(folder);
  expect((await other(folder)).says).toContain(`process ${process.pid}`);
  expect(data.path).toBe(folder);
});

test("of many that start at once on one folder exactly one gets it", async () => {
  const starters = await Promise.all(Array.from({ length: 4 }, () => other(join(folder, "new"))));
  expect(starters.filter(({ says }) => says === "open")).toHaveLength(1);
  expect(starters.filter(({ says }) => says.startsWith("Another Tideway server"))).toHaveLength(3);
});

test("a refused start, and a failed one, leave the holder its lock", async () => {
  await using data = await openDataFolder(folder);
  await expect(openDataFolder(folder)).rejects.toThrow("Another Tideway server");
  await expect(openDataFolder(folder)).rejects.toThrow("Another Tideway server");
  expect((await other(folder)).says).toContain(`process ${process.pid}`);
  expect(data.path).toBe(folder);
});

test("a closed folder can be opened again, and closing twice is closing once", async () => {
  const data = await openDataFolder(folder);
  await data[Symbol.asyncDispose]();
  await using again = await openDataFolder(folder);
  await data[Symbol.asyncDispose]();
  expect((await other(again.path)).says).toContain("Another Tideway server");
});

test("what can't be a data folder is refused with its name and the reason", async () => {
  const file = join(folder, "file");
  await writeFile(file, "");
  await expect(openDataFolder(file)).rejects.toThrow(`can't use the data folder ${file}: EEXIST`);
  await expect(openDataFolder(join(file, "x"))).rejects.toThrow("ENOTDIR");
});

test.skipIf(process.getuid?.() === 0)("a folder that can't be written is refused (not as root)", async () => {
  const path = join(folder, "read-only");
  await mkdir(path);
  await chmod(path, 0o500);
  await expect(openDataFolder(path)).rejects.toThrow(`can't use the data folder ${path}`);
});
