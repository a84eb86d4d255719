import { mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { fromFolder } from "../../src/cli/connect.ts";
import { dataFolder, readServerFile, removeServerFile, writeServerFile } from "../../src/cli/data-folder.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tideway-folder-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const server = {
  url: "http://127.0.0.1:1",
  pid: 7,
  region: "us-east-1",
  accountId: "000000000000",
  accessKeyId: "a",
  secretAccessKey: "b",
};

test("the folder is the one given, the environment's, or the home's", () => {
  expect(dataFolder("/x", { TIDEWAY_DATA: "/y" })).toBe("/x");
  expect(dataFolder(undefined, { TIDEWAY_DATA: "/y" })).toBe("/y");
  expect(dataFolder(undefined, { HOME: "/home/me" })).toBe("/home/me/.tideway");
});

test("a server's file is its owner's alone, and goes with that server only", async () => {
  const data = join(folder, "data");
  await writeServerFile(data, server);
  expect((await stat(join(data, "server.json"))).mode & 0o777).toBe(0o600);
  expect(await readServerFile(data)).toEqual(server);
  await removeServerFile(data, 8);
  expect(await readServerFile(data)).toEqual(server);
  await removeServerFile(data, 7);
  expect(await readdir(data)).toEqual([]);
});

test("no file, and one that is not understood, mean that no server runs", async () => {
  await expect(fromFolder(join(folder, "none"))).rejects.toThrow("No server runs on the data folder");
  for (const text of ["", "{}", "[1]", '{"url":1}', JSON.stringify({ ...server, pid: "7" })]) {
    await writeFile(join(folder, "server.json"), text);
    expect(await readServerFile(folder)).toBeUndefined();
  }
});
