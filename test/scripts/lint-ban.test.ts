/** The rule that keeps the clock, timers and chance in src/base fires where it should, and only there. */
import { spawnSync } from "node:child_process";
import { copyFile, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const CONFIG = ".oxlintrc.json";
let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tideway-lint-"));
  await copyFile(join(root, CONFIG), join(folder, CONFIG));
});
afterAll(() => rm(folder, { recursive: true }));

/** What the linter says of a source file at this path of the repository. */
async function lint(path: string, source: string): Promise<string> {
  const file = join(folder, path);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, source);
  const { stdout, stderr } = spawnSync(join(root, "node_modules/.bin/oxlint"), ["-c", CONFIG, path], {
    cwd: folder,
    encoding: "utf8",
  });
  await rm(file);
  return stdout + stderr;
}

test.each([
  ["Date.now()", "Take a Clock"],
  ["performance.now()", "Take a Clock"],
  ["setTimeout(() => {}, 1)", "Take a Clock"],
  ["setInterval(() => {}, 1)", "Take a Clock"],
  ["Math.random()", "Take a Random"],
])("%s is refused in the rooms of src, and allowed in src/base and in tests", async (call, sentence) => {
  const source = `export const x = ${call};\n`;
  for (const path of ["src/state/x.ts", "src/capabilities/hosting/x.ts", "src/main.ts"])
    expect(await lint(path, source)).toContain(sentence);
  for (const path of ["src/base/x.ts", "test/state/x.ts"])
    expect(await lint(path, source)).toContain("Found 0 warnings and 0 errors");
});
