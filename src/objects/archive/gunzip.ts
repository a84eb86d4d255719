import { createGunzip } from "node:zlib";

import { InvalidArchive } from "./invalid-archive.ts";

/** Counts of a decompression while it runs. */
export interface GunzipProgress {
  compressed: number;
  decompressed: number;
}

/**
 * Decompresses gzip of one or several members. After the last one only zero bytes may follow (tapes pad with them).
 * `seen` gets each compressed chunk. Throws InvalidArchive for anything that is not whole and sound; `what` it is, its
 * message says.
 */
export async function* gunzip(
  source: AsyncIterable<Uint8Array>,
  progress: GunzipProgress,
  seen: (chunk: Uint8Array) => void = () => {},
  what = "archive",
): AsyncGenerator<Buffer> {
  const decoder = createGunzip({ chunkSize: 65_536 });
  let isGzip = true;
  const feeding = feed(source, decoder, progress, what, (chunk) => {
    if (progress.compressed < 2) isGzip &&= startsAsGzip(chunk, progress.compressed);
    seen(chunk);
  });
  // The decoder tells the consumer of a failure; the feeder's rejection is looked at below.
  feeding.catch((error: Error) => decoder.destroy(error));
  try {
    for await (const chunk of decoder as AsyncIterable<Buffer>) {
      progress.decompressed += chunk.length;
      yield chunk;
    }
    await feeding;
  } catch (error) {
    throw explain(error as NodeJS.ErrnoException, progress, isGzip, what);
  } finally {
    decoder.destroy();
  }
}

async function feed(
  source: AsyncIterable<Uint8Array>,
  decoder: ReturnType<typeof createGunzip>,
  progress: GunzipProgress,
  what: string,
  seen: (chunk: Uint8Array) => void,
): Promise<void> {
  let padding = false;
  for await (const chunk of source) {
    if (decoder.destroyed && !decoder.readableEnded) return;
    seen(chunk);
    const before = progress.compressed;
    progress.compressed += chunk.length;
    let rest: Uint8Array = chunk;
    if (!padding) {
      await new Promise<void>((resolve) => {
        decoder.once("close", resolve);
        decoder.write(chunk, () => {
          decoder.off("close", resolve);
          resolve();
        });
      });
      if (decoder.bytesWritten >= progress.compressed || decoder.errored) continue;
      padding = true;
      rest = chunk.subarray(decoder.bytesWritten - before);
    }
    if (rest.some((byte) => byte !== 0))
      throw new InvalidArchive(`The ${what} has more bytes after the end of its gzip data.`);
  }
  decoder.end();
}

/** RFC 1952: the first two bytes; `offset` is where in the file the chunk begins. */
function startsAsGzip(chunk: Uint8Array, offset: number): boolean {
  return chunk.subarray(0, 2 - offset).every((byte, index) => byte === [0x1f, 0x8b][offset + index]);
}

function explain(
  error: NodeJS.ErrnoException,
  progress: GunzipProgress,
  isGzip: boolean,
  what: string,
): Error {
  if (error.code !== "Z_BUF_ERROR" && error.code !== "Z_DATA_ERROR") return error;
  if (progress.compressed === 0) return new InvalidArchive(`The ${what} is empty.`);
  if (!isGzip)
    return new InvalidArchive(
      what === "archive"
        ? "The archive is not gzip-compressed. Make it with: tar -czf model.tar.gz -C FOLDER ."
        : `The ${what} is not gzip-compressed.`,
    );
  return new InvalidArchive(
    error.code === "Z_BUF_ERROR"
      ? `The ${what} is truncated: its gzip data breaks off after ${progress.compressed} bytes.`
      : `The ${what}'s gzip data is damaged: ${error.message}.`,
  );
}
