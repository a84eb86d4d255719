import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { lstat, readdir, stat } from "node:fs/promises";
import { basename, extname, join } from "node:path";
import { type Duplex, Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { CliError } from "./exit-codes.ts";
import { tar, type TarFile } from "./tar.ts";

/** A model.tar.gz on this machine. */
export interface ModelPackage {
  readonly file: string;
  readonly bytes: number;
  /** sha256, hex: equal models have equal packages. */
  readonly digest: string;
}

const MODEL_FILES = [".onnx", ".json", ".ubj", ".xgb", ".bin", ".txt", ".lgb"];
const LEFT_OUT = new Set([".git", "__pycache__", ".DS_Store", ".ipynb_checkpoints"]);

/** Whether this is an archive that is to be uploaded as it stands. */
export function isArchive(path: string): boolean {
  return /\.(tar\.gz|tgz)$/i.test(path);
}

/** The files of a model: the one file, or all of a folder, in the order of their names. */
export async function modelFiles(path: string): Promise<TarFile[]> {
  const found = await stat(path).catch(() => undefined);
  if (!found) throw new CliError("notFound", `There is no file or folder ${path}.`);
  if (found.isDirectory()) {
    const files = await folderFiles(path, "");
    if (files.length === 0) throw new CliError("invalidInput", `The folder ${path} holds no files.`);
    return files;
  }
  if (!MODEL_FILES.includes(extname(path).toLowerCase()) && basename(path) !== "xgboost-model")
    throw new CliError(
      "invalidInput",
      `${path} is none of the model files that are understood: ${MODEL_FILES.join(", ")}, a model.tar.gz, or a folder.`,
      "A model that needs code of its own goes into a folder with code/inference.py beside it.",
    );
  return [{ path: basename(path), source: path, size: found.size, executable: false }];
}

/** Packs the files into a model.tar.gz at `file`; an archive that is one already is taken as it stands. */
export async function pack(from: readonly TarFile[] | string, file: string): Promise<ModelPackage> {
  if (typeof from === "string") return measured([createReadStream(from)], file);
  return measured([Readable.from(tar(from)), createGzip()], file);
}

/** The digest and size of bytes on their way into a file. */
async function measured(source: readonly (Readable | Duplex)[], file: string): Promise<ModelPackage> {
  const sha256 = createHash("sha256");
  let bytes = 0;
  const meter = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      sha256.update(chunk);
      bytes += chunk.length;
      done(null, chunk);
    },
  });
  await pipeline([...source, meter, createWriteStream(file, { mode: 0o600 })]);
  return { file, bytes, digest: sha256.digest("hex") };
}

async function folderFiles(root: string, under: string): Promise<TarFile[]> {
  const files: TarFile[] = [];
  for (const name of (await readdir(join(root, under))).sort()) {
    if (LEFT_OUT.has(name)) continue;
    const path = under ? `${under}/${name}` : name;
    const source = join(root, path);
    const found = await lstat(source);
    if (found.isDirectory()) files.push(...(await folderFiles(root, path)));
    else if (found.isFile())
      files.push({ path, source, size: found.size, executable: (found.mode & 0o100) !== 0 });
    else
      throw new CliError(
        "invalidInput",
        `${source} is a link or a device; a model holds regular files only.`,
      );
  }
  return files;
}
