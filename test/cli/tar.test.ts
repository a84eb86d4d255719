import { execFileSync } from "node:child_process";
import { mkdtemp, rm, symlink, writeFile, mkdir, readFile, chmod } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { modelFiles, pack } from "../../src/cli/model-package.ts";
import { tar } from "../../src/cli/tar.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tideway-tar-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function model(name: string): Promise<string> {
  const root = join(folder, name);
  await mkdir(join(root, "code", "__pycache__"), { recursive: true });
  await writeFile(join(root, "model.bin"), Buffer.alloc(1500, 7));
  await writeFile(join(root, "empty"), "");
  await writeFile(join(root, "code", "inference.py"), "def model_fn(d): ...\n");
  await writeFile(join(root, "code", "__pycache__", "left.pyc"), "x");
  await writeFile(join(root, "run.sh"), "#!/bin/sh\n");
  await chmod(join(root, "run.sh"), 0o755);
  return root;
}

test("the machine's own tar reads a packed folder", async () => {
  const file = join(folder, "a.tar.gz");
  const packed = await pack(await modelFiles(await model("a")), file);
  const listed = execFileSync("tar", ["-tvzf", file]).toString();
  expect(listed.split("\n").map((line) => line.split(/\s+/).at(-1))).toEqual([
    "code/inference.py",
    "empty",
    "model.bin",
    "run.sh",
    "",
  ]);
  expect(listed).toMatch(/^-rw-r--r--.* 1500 .*model\.bin$/m);
  expect(listed).toMatch(/^-rwxr-xr-x.*run\.sh$/m);
  expect(execFileSync("tar", ["-xOzf", file, "model.bin"])).toEqual(Buffer.alloc(1500, 7));
  expect((await readFile(file)).length).toBe(packed.bytes);
});

test("equal folders give equal packages, whenever they were written", async () => {
  const first = await pack(await modelFiles(await model("b")), join(folder, "b.tar.gz"));
  const second = await pack(await modelFiles(await model("c")), join(folder, "c.tar.gz"));
  expect(second.digest).toBe(first.digest);
});

test("a long path is parted, and one that is too long is refused", async () => {
  const source = join(folder, "short");
  await writeFile(source, "x");
  const file = (path: string) => ({ path, source, size: 1, executable: false });
  const path = `${"d".repeat(90)}/${"e".repeat(50)}/${"f".repeat(95)}`;
  const blocks = await Array.fromAsync(tar([file(path)]));
  expect(execFileSync("tar", ["-t"], { input: Buffer.concat(blocks) }).toString()).toBe(`${path}\n`);
  await expect(Array.fromAsync(tar([file("g".repeat(101))]))).rejects.toThrow("too long for a tar file");
});

test("a file that is no model, a link, an empty folder and a missing path are each told", async () => {
  await writeFile(join(folder, "notes.md"), "x");
  await expect(modelFiles(join(folder, "notes.md"))).rejects.toThrow("none of the model files");
  await mkdir(join(folder, "linked"));
  await symlink("/etc/passwd", join(folder, "linked", "model.onnx"));
  await expect(modelFiles(join(folder, "linked"))).rejects.toThrow("is a link or a device");
  await mkdir(join(folder, "nothing"));
  await expect(modelFiles(join(folder, "nothing"))).rejects.toThrow("holds no files");
  await expect(modelFiles(join(folder, "absent"))).rejects.toThrow("There is no file or folder");
});
