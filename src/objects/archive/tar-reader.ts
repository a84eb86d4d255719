import { ByteReader } from "./byte-reader.ts";
import { checkEntryName } from "./entry-names.ts";
import { InvalidArchive, quoteName } from "./invalid-archive.ts";

/** A file or a folder of an archive, in the archive's order. */
export interface TarEntry {
  /** Relative, checked, with "/" between components; "" is the top folder. */
  readonly path: string;
  readonly kind: "file" | "directory";
  readonly size: number;
  /** The next bytes of the file; none at its end. Everything must be read before the next entry is asked for. */
  read(): Promise<Buffer>;
}

const BLOCK = 512;
const MAX_PAX_BYTES = 1024 * 1024;
/** What is refused by its kind, in words. */
const REFUSED: Readonly<Record<string, string>> = {
  "1": "a hard link",
  "2": "a symbolic link",
  "3": "a character device",
  "4": "a block device",
  "6": "a FIFO",
  K: "a link",
  S: "a sparse file",
  D: "a dump directory",
  M: "a continued volume",
  V: "a volume label",
  N: "an old GNU long name",
};
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Reads tar as POSIX (ustar, pax) and GNU write it, and refuses the whole archive for whatever is not a plain file or folder.
 * Throws InvalidArchive.
 */
export async function* readTar(source: AsyncIterable<Uint8Array>): AsyncGenerator<TarEntry> {
  const reader = new ByteReader(source);
  let pax: Pax = {};
  let longName: string | undefined;
  let extended = false;
  let first = true;
  for (;;) {
    const block = await reader.take(BLOCK);
    if (block.length < BLOCK)
      throw new InvalidArchive(
        first && !block.length ? "The archive is empty." : "The archive is truncated: its end is missing.",
      );
    if (isZero(block)) {
      if (extended) throw new InvalidArchive("The archive is truncated: an entry's header is missing.");
      return await expectEnd(reader);
    }
    const header = readHeader(block, first);
    first = false;
    const { type } = header;
    if (type === "x" || type === "g" || type === "L") {
      const data = await readWhole(reader, header.size, header.name);
      if (type === "L") longName = decode(data.subarray(0, stringEnd(data)), "name");
      else {
        const records = readPax(data);
        if (type === "x") pax = records;
        else if (records.path !== undefined || records.size !== undefined)
          throw new InvalidArchive("The archive gives one name or size to all of its entries.");
      }
      extended ||= type !== "g";
      continue;
    }
    const entry = { ...header, name: pax.path ?? longName ?? header.name, size: pax.size ?? header.size };
    pax = {};
    longName = undefined;
    extended = false;
    yield* readEntry(reader, entry);
  }
}

async function* readEntry(reader: ByteReader, { name, type, size, old }: Header): AsyncGenerator<TarEntry> {
  const kindName = REFUSED[type];
  if (kindName !== undefined)
    throw new InvalidArchive(
      `The entry ${quoteName(name)} is ${kindName}; only regular files and folders are allowed.`,
    );
  if (type !== "0" && type !== "\0" && type !== "5")
    throw new InvalidArchive(
      `The entry ${quoteName(name)} is of the unknown kind ${quoteName(type)}; only regular files and folders are allowed.`,
    );
  // Before POSIX a folder was a file whose name ends with a slash.
  const kind = type === "5" || (old && name.endsWith("/")) ? "directory" : "file";
  const path = checkEntryName(name);
  if (kind === "file" && (path === "" || name.endsWith("/")))
    throw new InvalidArchive(`The entry ${quoteName(name)} is a file with a folder's name.`);
  if (kind === "directory" && size !== 0)
    throw new InvalidArchive(`The entry ${quoteName(name)} is a folder with ${size} bytes of content.`);

  let left = size;
  yield {
    path,
    kind,
    size,
    async read() {
      if (left === 0) return Buffer.alloc(0);
      const part = await reader.some(left);
      if (!part.length)
        throw new InvalidArchive(`The archive is truncated: the entry ${quoteName(name)} breaks off.`);
      left -= part.length;
      return part;
    },
  };
  if (left) throw new Error(`${left} bytes of the entry ${quoteName(name)} were not read.`);
  await skipPadding(reader, size);
}

interface Header {
  readonly name: string;
  readonly size: number;
  readonly type: string;
  /** From before POSIX: no magic. */
  readonly old: boolean;
}

function readHeader(block: Buffer, first: boolean): Header {
  let sum = 8 * 0x20;
  for (let index = 0; index < BLOCK; index += 1) if (index < 148 || index >= 156) sum += block[index]!;
  if (readNumber(block.subarray(148, 156)) !== sum)
    throw new InvalidArchive(
      first
        ? "The file is not a tar archive, or its first header is damaged."
        : "The archive is damaged: a header's checksum is wrong.",
    );
  const magic = block.toString("latin1", 257, 263);
  const name = readString(block.subarray(0, 100));
  const prefix = magic === "ustar\0" ? readString(block.subarray(345, 500)) : "";
  const size = readNumber(block.subarray(124, 136));
  const fullName = prefix ? `${prefix}/${name}` : name;
  if (size === undefined || size < 0 || !Number.isSafeInteger(size))
    throw new InvalidArchive(`The entry ${quoteName(fullName)} has a size that is no number.`);
  return { name: fullName, size, type: String.fromCharCode(block[156]!), old: !magic.startsWith("ustar") };
}

/** Octal digits between spaces and NULs, or GNU's base 256; undefined for anything else. */
function readNumber(field: Buffer): number | undefined {
  if (field[0] === 0x80 || field[0] === 0xff) {
    let value = field[0] === 0xff ? -1 : 0;
    for (const byte of field.subarray(1)) value = value * 256 + byte;
    return value;
  }
  const [, digits] = /^ *([0-7]+)[ \0]*$/.exec(field.toString("latin1")) ?? [];
  return digits === undefined ? undefined : Number.parseInt(digits, 8);
}

function readString(field: Buffer): string {
  const end = stringEnd(field);
  return decode(field.subarray(0, end), "name");
}

/** Where the NULs begin that fill a field. Something behind a NUL would be a name that other readers see otherwise. */
function stringEnd(field: Buffer): number {
  const nul = field.indexOf(0);
  const end = nul === -1 ? field.length : nul;
  if (!isZero(field.subarray(end)))
    throw new InvalidArchive(
      `The entry ${quoteName(field.toString("latin1", 0, end))} has a NUL in its name.`,
    );
  return end;
}

function decode(bytes: Buffer, what: string): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw new InvalidArchive(
      `The entry ${quoteName(bytes.toString("latin1"))} has a ${what} that is not UTF-8.`,
    );
  }
}

function damaged(): InvalidArchive {
  return new InvalidArchive("The archive is damaged: an extended header can not be read.");
}

interface Pax {
  readonly path?: string;
  readonly size?: number;
}

/** pax records, "LENGTH KEY=VALUE\n": POSIX.1-2017, pax, Extended Header. */
function readPax(data: Buffer): Pax {
  const found: { path?: string; size?: number } = {};
  for (let at = 0; at < data.length;) {
    const space = data.indexOf(0x20, at);
    const digits = data.toString("latin1", at, space);
    const end = at + Number(digits);
    if (space === -1 || !/^[1-9]\d{0,6}$/.test(digits) || end > data.length || data[end - 1] !== 0x0a)
      throw damaged();
    const equals = data.indexOf(0x3d, space);
    if (equals === -1 || equals >= end) throw damaged();
    const key = data.toString("latin1", space + 1, equals);
    const value = data.subarray(equals + 1, end - 1);
    if (key.startsWith("GNU.sparse"))
      throw new InvalidArchive(
        "The archive holds a sparse file; only regular files and folders are allowed. Make it without: tar --sparse",
      );
    if (key === "path") {
      if (value.includes(0))
        throw new InvalidArchive(`The entry ${quoteName(value.toString("latin1"))} has a NUL in its name.`);
      found.path = decode(value, "name");
    }
    if (key === "size") {
      found.size = /^\d{1,16}$/.test(value.toString("latin1")) ? Number(value) : Number.NaN;
      if (!Number.isSafeInteger(found.size)) throw damaged();
    }
    at = end;
  }
  return found;
}

async function readWhole(reader: ByteReader, size: number, name: string): Promise<Buffer> {
  if (size > MAX_PAX_BYTES)
    throw new InvalidArchive(`The entry ${quoteName(name)} has an extended header of ${size} bytes.`);
  const data = await reader.take(size);
  if (data.length < size) throw new InvalidArchive("The archive is truncated inside an extended header.");
  await skipPadding(reader, size);
  return data;
}

async function skipPadding(reader: ByteReader, size: number): Promise<void> {
  const padding = (BLOCK - (size % BLOCK)) % BLOCK;
  const skipped = await reader.take(padding);
  if (skipped.length < padding) throw new InvalidArchive("The archive is truncated: its end is missing.");
}

/** After the end mark nothing but zeros: a second archive behind it would be seen by some readers only. */
async function expectEnd(reader: ByteReader): Promise<void> {
  for (;;) {
    const rest = await reader.some(65_536);
    if (!rest.length) return;
    if (!isZero(rest)) throw new InvalidArchive("The archive has more bytes after its end mark.");
  }
}

const ZEROS = Buffer.alloc(65_536);

function isZero(bytes: Buffer): boolean {
  for (let at = 0; at < bytes.length; at += ZEROS.length) {
    const part = bytes.subarray(at, at + ZEROS.length);
    if (!part.equals(ZEROS.subarray(0, part.length))) return false;
  }
  return true;
}
