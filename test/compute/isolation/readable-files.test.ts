import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import {
  commandFiles,
  moduleFiles,
  pathsIn,
  withoutSecrets,
} from "../../../src/compute/isolation/readable-files.ts";

const root = mkdtempSync(join(tmpdir(), "tideway-readable-"));
afterAll(() => rmSync(root, { recursive: true }));
const put = (path: string, content = "") => {
  const file = join(root, path);
  mkdirSync(join(file, ".."), { recursive: true });
  writeFileSync(file, content);
  return file;
};

test("a module needs its source, and the packages of every folder above", () => {
  const files = moduleFiles("/opt/app/node_modules/tideway/src/model-server/main.ts");
  expect(files[0]).toBe("/opt/app/node_modules/tideway/src");
  expect(files).toEqual(
    expect.arrayContaining([
      "/opt/app/node_modules/tideway/package.json",
      "/opt/app/node_modules/tideway/node_modules",
      "/opt/app/node_modules",
    ]),
  );
});

test("a command needs its installation, its interpreter's, and what its arguments name", () => {
  const python = put("pyenv/versions/3/bin/python");
  mkdirSync(join(root, "venv/bin"), { recursive: true });
  symlinkSync(python, join(root, "venv/bin/python"));
  const gunicorn = put("venv/bin/gunicorn", `#!${join(root, "venv/bin/python")}\nimport sys\n`);
  const program = put("project/serve.py");
  const files = commandFiles([
    gunicorn,
    program,
    "--socket",
    "{socket}",
    "relative.py",
    join(root, "absent"),
  ]);
  expect(files).toEqual(
    expect.arrayContaining([
      join(root, "venv"),
      join(root, "pyenv/versions/3"),
      program,
      join(root, "project"),
    ]),
  );
  expect(files).not.toContain(join(root, "absent"));
  expect(files.every((file) => file.startsWith(root))).toBe(true);
});

test("of ~/.local only programs and libraries", () => {
  const files = commandFiles([put("me/.local/bin/serve")]);
  expect(files).toContain(join(root, "me/.local/lib"));
  expect(files).not.toContain(join(root, "me/.local"));
});

test("nothing that holds the server's folder or a home, nor anything inside the server's", () => {
  const secrets = { holders: ["/home/me"], inside: ["/srv/tideway"] };
  const asked = [
    "/",
    "/home",
    "/home/me",
    "/home/me/serve.py",
    "/home/me2",
    "/srv",
    "/srv/tideway/objects",
    "/home/me2",
  ];
  expect(withoutSecrets(asked, secrets)).toEqual(["/home/me/serve.py", "/home/me2"]);
});

test("a variable's paths, absolute ones only", () => {
  expect(pathsIn("/a:relative::/b")).toEqual(["/a", "/b"]);
  expect(pathsIn(undefined)).toEqual([]);
});
