/** A whole model.tar.gz onto a disk: all of it or nothing, nothing beside its folder, no links, within the limits. */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { extractTarGz } from "../../src/objects/archive/extract-tar-gz.ts";
import { InvalidArchive } from "../../src/objects/archive/invalid-archive.ts";
import { pieces } from "../cuts.ts";
import { withChecksums } from "../tar-checksums.ts";
import { attemptAsync, type FuzzTarget, Finding, same } from "../target.ts";
import { target as tar } from "./tar.ts";

const LIMITS = { entries: 8, bytes: 4096, ratio: 1000, ratioSlackBytes: 1 << 20 };
const { signal } = new AbortController();
const top = mkdtempSync(join(tmpdir(), "tideway-fuzz-"));
process.on("exit", () => rmSync(top, { recursive: true, force: true }));

/** The first byte says what is changed: the tar inside (even), or the gzip around it (odd). */
export const target: FuzzTarget = {
  seeds: tar.seeds.flatMap((seed) => [
    Buffer.concat([Buffer.of(0), Buffer.from(seed as Uint8Array)]),
    Buffer.concat([Buffer.of(1), gzipSync(seed as Uint8Array)]),
  ]),
  dictionary: tar.dictionary!,
  maxLength: tar.maxLength!,
  async run(input) {
    const inner = input.subarray(1);
    const packed = (input[0] ?? 0) % 2 ? Buffer.from(inner) : gzipSync(withChecksums(inner), { level: 1 });
    const parent = mkdtempSync(join(top, "t-"));
    try {
      const { value } = await attemptAsync(
        () => extractTarGz(pieces(packed, 100), join(parent, "model"), LIMITS, { signal }),
        InvalidArchive,
      );
      same("beside the folder", readdirSync(parent).join(), value ? "model" : "");
      if (value) compare(join(parent, "model"), value.files);
    } finally {
      rmSync(parent, { recursive: true, force: true });
    }
    same("outside", readdirSync(top).join(), "");
  },
};

function compare(folder: string, files: readonly { path: string; size: number }[]): void {
  const found = readdirSync(folder, { recursive: true, withFileTypes: true });
  for (const one of found)
    if (!one.isFile() && !one.isDirectory()) throw new Finding(`${one.name} is no plain file`);
  const paths = found
    .filter((one) => one.isFile())
    .map((one) => join(one.parentPath, one.name).slice(folder.length + 1));
  same(
    "files",
    paths.sort().join("\n"),
    files
      .map(({ path }) => path)
      .sort()
      .join("\n"),
  );
  if (files.length > LIMITS.entries || files.reduce((sum, { size }) => sum + size, 0) > LIMITS.bytes)
    throw new Finding("more than the limits");
}
