import { execFile } from "node:child_process";
import { chmod, copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";

const launcher = fileURLToPath(new URL("../../bin/tideway", import.meta.url));
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tideway-launcher-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A package of nothing but the launcher, and a `node` that says its version or what it was given. */
async function pretend(
  name: string,
  nodeVersion: string | undefined,
): Promise<{ root: string; path: string }> {
  const root = join(folder, name);
  await mkdir(join(root, "bin"), { recursive: true });
  await mkdir(join(root, "path"));
  await copyFile(launcher, join(root, "bin", "tideway"));
  if (nodeVersion !== undefined) await program(join(root, "path", "node"), nodeVersion);
  return { root, path: `${join(root, "path")}:/usr/bin/none:${await coreTools()}` };
}

async function program(file: string, version: string): Promise<void> {
  await writeFile(file, `#!/bin/sh\n[ "$1" = --version ] && echo ${version} || echo "${version} $*"\n`);
  await chmod(file, 0o755);
}

/** `dirname` and `readlink` without the machine's own node beside them. */
async function coreTools(): Promise<string> {
  const tools = join(folder, "tools");
  await mkdir(tools, { recursive: true });
  for (const tool of ["dirname", "readlink"])
    await symlink(`/usr/bin/${tool}`, join(tools, tool)).catch(() => undefined);
  return tools;
}

function launch(file: string, path: string): Promise<{ code: number; out: string }> {
  return new Promise((resolve) => {
    execFile("/bin/sh", [file, "ls", "a b"], { env: { PATH: path } }, (error, stdout, stderr) =>
      resolve({ code: typeof error?.code === "number" ? error.code : 0, out: stdout + stderr }),
    );
  });
}

test("the package that npm installed runs dist/ on the PATH's node, through npm's link", async () => {
  const { root, path } = await pretend("published", "v24.3.0");
  await mkdir(join(root, "links"));
  await symlink("../bin/tideway", join(root, "links", "tideway"));
  expect(await launch(join(root, "links", "tideway"), path)).toEqual({
    code: 0,
    out: `v24.3.0 ${root}/dist/cli/main.js ls a b\n`,
  });
});

test("a clone runs its sources on the node it brings, whatever is on the PATH", async () => {
  const { root, path } = await pretend("clone", "v18.0.0");
  await mkdir(join(root, "src/cli"), { recursive: true });
  await writeFile(join(root, "src/cli/main.ts"), "");
  expect((await launch(join(root, "bin/tideway"), path)).out).toContain("Run: npm ci");
  await mkdir(join(root, "node_modules/node/bin"), { recursive: true });
  await program(join(root, "node_modules/node/bin/node"), "v24.21.0");
  expect((await launch(join(root, "bin/tideway"), path)).out).toBe(
    `v24.21.0 ${root}/src/cli/main.ts ls a b\n`,
  );
});

test("an old node, and none, are told in a sentence", async () => {
  const old = await pretend("old", "v20.20.2");
  expect(await launch(join(old.root, "bin/tideway"), old.path)).toEqual({
    code: 1,
    out: expect.stringContaining("needs Node 24 or newer; the node on the PATH is v20.20.2"),
  });
  const none = await pretend("none", undefined);
  expect(await launch(join(none.root, "bin/tideway"), none.path)).toEqual({
    code: 1,
    out: expect.stringContaining("there is no node on the PATH"),
  });
});
