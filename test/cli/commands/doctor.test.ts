import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { checks, examine, type Machine } from "../../../src/cli/doctor-checks.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tideway-doctor-test-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function look(name: string, machine: Partial<Machine> = {}) {
  const all = checks({
    env: { PATH: folder },
    dataDir: join(folder, "data"),
    port: 1,
    nodeVersion: "24.1.0",
    ...machine,
  });
  return examine(all.find((check) => check.name === name)!);
}

test("what is not there is told, with what it means and how to get it", async () => {
  expect(await look("python3")).toEqual({
    name: "python3",
    needed: false,
    ok: false,
    found: "not found",
    meaning: expect.stringContaining("inference.py"),
    fix: expect.stringContaining("apt install python3"),
  });
});

test("what is there says its version; what it complains about is its last line", async () => {
  const bin = join(folder, "bin");
  await mkdir(bin);
  await writeFile(
    join(bin, "python3"),
    '#!/bin/sh\n[ "$1" = --version ] && echo Python 3.9.9 && exit\necho first >&2\necho last >&2\nexit 1\n',
  );
  await chmod(join(bin, "python3"), 0o755);
  const env = { PATH: bin };
  expect(await look("python3", { env })).toMatchObject({ ok: true, found: "Python 3.9.9" });
  expect(await look("numpy", { env })).toMatchObject({ ok: false, found: "last" });
});

test("an old Node and a data folder that can not be written are what is needed and broken", async () => {
  expect(await look("Node", { nodeVersion: "20.20.2" })).toMatchObject({
    needed: true,
    ok: false,
    found: "20.20.2 is too old",
  });
  await writeFile(join(folder, "file"), "");
  expect(await look("data folder", { dataDir: join(folder, "file", "x") })).toMatchObject({
    needed: true,
    ok: false,
  });
  expect(await look("data folder")).toMatchObject({
    ok: true,
    found: expect.stringContaining("will be made"),
  });
});

test("a port in use is told", async () => {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  expect(await look("port", { port })).toMatchObject({ ok: false, found: `${port} is in use` });
  await new Promise((done) => server.close(done));
  expect(await look("port", { port })).toMatchObject({ ok: true });
});
