import { createReadStream } from "node:fs";
import { CliError } from "./exit-codes.ts";

/** A file to be packed. */
export interface TarFile {
  /** Inside the archive, with `/` between its parts. */
  readonly path: string;
  /** On this machine. */
  readonly source: string;
  readonly size: number;
  readonly executable: boolean;
}

const BLOCK = 512;
const LARGEST = 0o77777777777;

/** The files as a ustar archive (POSIX.1-1988). Equal files give equal bytes: no times and no owners are in it. */
export async function* tar(files: readonly TarFile[]): AsyncGenerator<Buffer> {
  for (const file of files) {
    yield header(file);
    let length = 0;
    if (file.size > 0)
      for await (const chunk of createReadStream(file.source, { end: file.size - 1 })) {
        length += (chunk as Buffer).length;
        yield chunk as Buffer;
      }
    if (length !== file.size) throw new CliError("failure", `${file.source} changed while it was packed.`);
    yield Buffer.alloc((BLOCK - (file.size % BLOCK)) % BLOCK);
  }
  yield Buffer.alloc(2 * BLOCK);
}

function header({ path, size, executable }: TarFile): Buffer {
  if (size > LARGEST)
    throw new CliError("invalidInput", `${path} is larger than 8 GiB, which a tar file cannot hold.`);
  const [name, prefix] = split(path);
  const block = Buffer.alloc(BLOCK);
  block.write(name, 0);
  block.write(octal(executable ? 0o755 : 0o644, 8), 100);
  block.write(octal(0, 8), 108);
  block.write(octal(0, 8), 116);
  block.write(octal(size, 12), 124);
  block.write(octal(0, 12), 136);
  block.write(" ".repeat(8), 148);
  block.write("0", 156);
  block.write("ustar\u000000", 257);
  block.write(prefix, 345);
  block.write(
    `${block
      .reduce((sum, byte) => sum + byte, 0)
      .toString(8)
      .padStart(6, "0")}\0 `,
    148,
  );
  return block;
}

/** The last 100 bytes of a path are its name; what comes before goes into the prefix, parted at a `/`. */
function split(path: string): [name: string, prefix: string] {
  if (Buffer.byteLength(path) <= 100) return [path, ""];
  for (let slash = path.indexOf("/"); slash > 0; slash = path.indexOf("/", slash + 1)) {
    const [prefix, name] = [path.slice(0, slash), path.slice(slash + 1)];
    if (Buffer.byteLength(name) <= 100 && Buffer.byteLength(prefix) <= 155) return [name, prefix];
  }
  throw new CliError("invalidInput", `The path ${path} is too long for a tar file.`);
}

function octal(value: number, width: number): string {
  return `${value.toString(8).padStart(width - 1, "0")}\0`;
}
