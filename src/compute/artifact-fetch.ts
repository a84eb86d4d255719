import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";

import { checkEntryName, EntryNames } from "../objects/archive/entry-names.ts";
import { extractTarGz, type ArchiveLimits, type ExtractedFile } from "../objects/archive/extract-tar-gz.ts";
import { InvalidArchive } from "../objects/archive/invalid-archive.ts";
import { parseS3Uri, type ObjectInfo, type ObjectStore } from "../objects/object-store.ts";
import { ArtifactError } from "./artifacts.ts";
import { digestOfFiles, type ArtifactManifest } from "./artifact-manifest.ts";
import type { ArtifactSource } from "./engine.ts";

/** The objects that an artifact is made of, as they are in the store now. */
export interface ArtifactObjects {
  readonly bucket: string;
  /** `path` is where the object's content goes, below the model's folder. */
  readonly objects: readonly { readonly path: string; readonly info: ObjectInfo }[];
  /** Changes whenever one of the objects does. */
  readonly fingerprint: string;
  readonly bytes: number;
}

/** Finds an artifact's objects without fetching them. Throws ArtifactError, NoSuchObject and InvalidArchive. */
export async function findArtifact(
  source: ArtifactSource,
  objects: ObjectStore,
  limits: ArchiveLimits,
): Promise<ArtifactObjects> {
  const where = parseS3Uri(source.uri);
  if (!where) throw new ArtifactError(`${source.uri} is not an address of the form s3://BUCKET/KEY.`);
  const { bucket, key } = where;
  if (source.dataType === "S3Object") {
    if (key === "") throw new ArtifactError(`${source.uri} names a bucket but no object in it.`);
    const info = await objects.head(bucket, key);
    const path = key.slice(key.lastIndexOf("/") + 1);
    return described(
      bucket,
      [{ path: source.compression === "Gzip" ? path : strictPath(path), info }],
      limits,
    );
  }
  if (source.compression === "Gzip")
    throw new ArtifactError(
      `${source.uri}: CompressionType Gzip needs S3DataType S3Object, the archive itself; a prefix is taken with CompressionType None.`,
    );
  // "m/" must not take what belongs to "m-hf/": a prefix ends where a folder does.
  const prefix = key === "" || key.endsWith("/") ? key : `${key}/`;
  const found: { path: string; info: ObjectInfo }[] = [];
  const names = new EntryNames();
  for await (const info of objects.list(bucket, prefix)) {
    const relative = info.key.slice(prefix.length);
    // Consoles make an empty object to show a folder.
    if (relative === "" || (relative.endsWith("/") && info.size === 0)) continue;
    const path = strictPath(relative);
    names.add(path, "file");
    found.push({ path, info });
    if (found.length > limits.entries)
      throw new ArtifactError(
        `There are more than ${limits.entries} objects under s3://${bucket}/${prefix}.`,
      );
  }
  if (!found.length) throw new ArtifactError(`There is no object under s3://${bucket}/${prefix}.`);
  found.sort((a, b) => (a.path < b.path ? -1 : 1));
  return described(bucket, found, limits);
}

/** Fetches an artifact into `model`, a folder that does not exist yet. Throws what the object store throws, and InvalidArchive. */
export async function fetchArtifact(
  source: ArtifactSource,
  found: ArtifactObjects,
  objects: ObjectStore,
  model: string,
  limits: ArchiveLimits,
  options: { signal: AbortSignal; onBytes: (bytes: number) => void },
): Promise<{ manifest: ArtifactManifest; fingerprint: string }> {
  const { signal, onBytes } = options;
  const first = found.objects[0]!;
  if (source.compression === "Gzip") {
    const { info, body } = await objects.get(found.bucket, first.info.key, signal);
    const { files, bytes, sha256 } = await extractTarGz(body, model, limits, {
      signal,
      onProgress: ({ compressed }) => onBytes(compressed),
    });
    return { manifest: { digest: sha256, bytes, files }, fingerprint: fingerprintOf([info]) };
  }
  const infos: ObjectInfo[] = [];
  const files: ExtractedFile[] = [];
  let before = 0;
  for (const { path, info: listed } of found.objects) {
    const { info, body } = await objects.get(found.bucket, listed.key, signal);
    const hash = createHash("sha256");
    const file = join(model, path);
    let size = 0;
    const counted = async function* () {
      for await (const chunk of body) {
        hash.update(chunk);
        size += chunk.length;
        if (before + size > limits.bytes) throw tooLarge(limits);
        onBytes(before + size);
        yield chunk;
      }
    };
    await mkdir(dirname(file), { recursive: true, mode: 0o750 });
    await pipeline(counted, createWriteStream(file, { flags: "wx", mode: 0o640, flush: true }), { signal });
    before += size;
    infos.push(info);
    files.push({ path, size, sha256: hash.digest("hex") });
  }
  return {
    manifest: { digest: digestOfFiles(files), bytes: before, files },
    fingerprint: fingerprintOf(infos),
  };
}

function described(
  bucket: string,
  objects: ArtifactObjects["objects"],
  limits: ArchiveLimits,
): ArtifactObjects {
  const bytes = objects.reduce((sum, { info }) => sum + info.size, 0);
  if (bytes > limits.bytes) throw tooLarge(limits);
  return { bucket, objects, bytes, fingerprint: fingerprintOf(objects.map(({ info }) => info)) };
}

/** A key's part as a file's path; one that would have to be rewritten could meet another and is refused. */
function strictPath(key: string): string {
  const path = checkEntryName(key);
  if (path !== key)
    throw new InvalidArchive(`The object key ${JSON.stringify(key)} can not be a file's path.`);
  return path;
}

function fingerprintOf(infos: readonly ObjectInfo[]): string {
  const hash = createHash("sha256");
  for (const { key, etag, size } of infos) hash.update(JSON.stringify([key, etag, size]));
  return hash.digest("hex");
}

function tooLarge(limits: ArchiveLimits): ArtifactError {
  return new ArtifactError(`The artifact has more than ${limits.bytes} bytes.`);
}
