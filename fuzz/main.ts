/**
 * `npm run fuzz`: every parser of untrusted bytes under a coverage-guided fuzzer.
 * `--minutes N` in all (1), `--target a,b` only these, `--seed N`, `--runs N` and `--seconds N` bounds for each target,
 * `--keep` writes the corpus anew, `--no-write` no failing inputs either, `--json` the result on standard output.
 * Each target runs first over `fuzz/corpus/<target>/` and `fuzz/crashes/<target>/`; what fails is written to the latter.
 */
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { TARGETS } from "./targets.ts";
import { watch } from "./watch.ts";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "1" },
    seconds: { type: "string" },
    runs: { type: "string", default: "Infinity" },
    target: { type: "string", default: Object.keys(TARGETS).join(",") },
    seed: { type: "string", default: "1" },
    keep: { type: "boolean", default: false },
    "no-write": { type: "boolean", default: false },
    json: { type: "boolean", default: false },
  },
});
const chosen = values.target.split(",");
const unknown = chosen.filter((name) => !Object.hasOwn(TARGETS, name));
const seconds = Number(values.seconds ?? (Number(values.minutes) * 60) / chosen.length);
if (
  unknown.length ||
  !(seconds > 0) ||
  !(Number(values.runs) > 0) ||
  !Number.isInteger(Number(values.seed))
) {
  console.error(
    `--target knows ${Object.keys(TARGETS).join(", ")}; --minutes, --seconds and --runs are above 0, --seed is whole.`,
  );
  process.exit(2);
}

const inputsIn = (folder: string): Uint8Array[] => {
  try {
    return readdirSync(folder)
      .filter((name) => !name.endsWith(".txt"))
      .sort()
      .map((name) => readFileSync(join(folder, name)));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
};
const write = (folder: string, input: Uint8Array, about?: string) => {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, createHash("sha256").update(input).digest("hex").slice(0, 16));
  writeFileSync(file, input);
  if (about !== undefined) writeFileSync(`${file}.txt`, `${about}\n`);
  return file;
};

const inBase64 = (input: Uint8Array) => `base64:${Buffer.from(input).toString("base64")}`;

const line = (cells: readonly (string | number)[]) =>
  cells.map((cell, index) => (index ? String(cell).padStart(11) : String(cell).padEnd(18))).join("");
const note = (text: string) => process.stderr.write(`${text}\n`);
note(line(["target", "runs", "runs/s", "branches", "features", "corpus", "failures", "kept MiB"]));

const results: object[] = [];
let failed = 0;
for (const name of chosen) {
  const corpus = join(import.meta.dirname, "corpus", name);
  const crashes = join(import.meta.dirname, "crashes", name);
  const row = (
    progress: {
      runs: number;
      seconds: number;
      branches: { taken: number; all: number };
      features: number;
      corpus: number;
    },
    failures: number,
    kept: string,
  ) =>
    line([
      name,
      progress.runs,
      Math.round(progress.runs / progress.seconds),
      `${progress.branches.taken}/${progress.branches.all}`,
      progress.features,
      progress.corpus,
      failures,
      kept,
    ]);
  const { result, failures } = await watch({
    target: name,
    sources: TARGETS[name]!,
    corpus: [...inputsIn(crashes), ...inputsIn(corpus)],
    bounds: { seconds, runs: Number(values.runs) },
    seed: Number(values.seed),
    onProgress: (progress) => note(row(progress, progress.failures, "")),
  });
  failed += failures.length;
  note(result ? row(result, failures.length, result.retainedMiB.toFixed(1)) : `${name}: ended`);
  const files = failures.map(({ input, error }) =>
    values["no-write"] ? inBase64(input) : write(crashes, input, error),
  );
  failures.forEach(({ error }, index) => note(`  ${error.replaceAll("\n", "\n  ")}\n  ${files[index]}`));
  if (values.keep && result) {
    rmSync(corpus, { recursive: true, force: true });
    for (const input of result.kept) write(corpus, input);
  }
  const { kept, ...figures } = result ?? { kept: [] };
  results.push({
    target: name,
    ...figures,
    kept: kept.length,
    failures: failures.map(({ error }, index) => ({ error, file: files[index] })),
  });
}
if (values.json) console.log(JSON.stringify(results));
process.exitCode = failed ? 1 : 0;
