/** Every fuzz target over its corpus, over what once failed, and over a bounded number of new inputs. */
import { execFile } from "node:child_process";
import { globSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { TARGETS } from "../../fuzz/targets.ts";

const ROOT = join(import.meta.dirname, "../..");
/** Of each target at most; what a busy machine does not get done in the time is left. */
const BOUNDS = { runs: 20_000, seconds: 2 };
/** Of changed requests more are wanted: none of them may be let in. */
const MORE: Readonly<Record<string, { readonly runs: number; readonly seconds: number }>> = {
  sigv4: { runs: 50_000, seconds: 8 },
};

const run = promisify(execFile);

test.each(Object.keys(TARGETS))("%s", { timeout: 120_000 }, async (target) => {
  const { runs, seconds } = MORE[target] ?? BOUNDS;
  const { stdout } = await run(
    process.execPath,
    [
      "fuzz/main.ts",
      "--json",
      "--no-write",
      "--target",
      target,
      "--runs",
      String(runs),
      "--seconds",
      String(seconds),
    ],
    { cwd: ROOT },
  ).catch((error: { stdout: string }) => error);
  const [result] = JSON.parse(stdout) as { runs: number; branches: { taken: number }; failures: object[] }[];
  expect(result!.failures).toEqual([]);
  console.log(`${target}: ${result!.runs} inputs, ${result!.branches.taken} branches`);
  // the corpus alone takes most branches; with none taken nothing would have been tested
  expect(result!.branches.taken).toBeGreaterThan(10);
  expect(result!.runs).toBeGreaterThan(globSync(`fuzz/{corpus,crashes}/${target}/*`, { cwd: ROOT }).length);
});

test("every target has its module, and every module is a target", () => {
  const modules = globSync("fuzz/targets/*.ts", { cwd: ROOT }).map((file) =>
    file.slice("fuzz/targets/".length, -3),
  );
  expect(modules.sort()).toEqual(Object.keys(TARGETS).sort());
});
