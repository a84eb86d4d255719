import { gzipSync } from "node:zlib";

/** One entry of a hand-made tar; what is left out is what a well-behaved writer writes. */
export interface TarSpec {
  readonly name: string | Buffer;
  readonly type?: string;
  readonly content?: string | Buffer;
  readonly size?: number;
  readonly linkname?: string;
  readonly mode?: number;
  readonly prefix?: string;
  /** "old" is before POSIX: no magic. */
  readonly format?: "ustar" | "gnu" | "old";
  /** Changes the header before its checksum is written, or after. */
  readonly edit?: (header: Buffer) => void;
  readonly spoil?: (header: Buffer) => void;
}

const octal = (value: number, width: number) => `${value.toString(8).padStart(width - 1, "0")}\0`;

/** The blocks of one entry. */
export function tarEntry(spec: TarSpec): Buffer {
  const content = Buffer.from(spec.content ?? "");
  const header = Buffer.alloc(512);
  const name = Buffer.from(spec.name);
  name.copy(header, 0, 0, 100);
  header.write(octal(spec.mode ?? 0o644, 8), 100);
  header.write(octal(0, 8), 108);
  header.write(octal(0, 8), 116);
  header.write(octal(spec.size ?? content.length, 12), 124);
  header.write(octal(0, 12), 136);
  header.write(spec.type ?? "0", 156, "latin1");
  header.write(spec.linkname ?? "", 157);
  if (spec.format === "gnu") header.write("ustar  \0", 257);
  else if (spec.format !== "old") header.write("ustar\u000000", 257);
  if (spec.prefix) header.write(spec.prefix, 345);
  spec.edit?.(header);
  header.fill(" ", 148, 156);
  header.write(
    octal(
      header.reduce((sum, byte) => sum + byte, 0),
      8,
    ).slice(0, 7),
    148,
  );
  spec.spoil?.(header);
  return Buffer.concat([header, content, Buffer.alloc((512 - (content.length % 512)) % 512)]);
}

/** A pax extended header with these records. */
export function pax(records: Readonly<Record<string, string>>, type = "x"): Buffer {
  const lines = Object.entries(records).map(([key, value]) => {
    const rest = Buffer.byteLength(` ${key}=${value}\n`);
    let length = rest + 1;
    while (String(length).length + rest !== length) length += 1;
    return `${length} ${key}=${value}\n`;
  });
  return tarEntry({ name: "PaxHeader", type, content: lines.join("") });
}

export const END = Buffer.alloc(1024);

/** A whole archive, uncompressed. */
export function tar(...entries: readonly (TarSpec | Buffer)[]): Buffer {
  return Buffer.concat([...entries.map((entry) => (Buffer.isBuffer(entry) ? entry : tarEntry(entry))), END]);
}

export function tarGz(...entries: readonly (TarSpec | Buffer)[]): Buffer {
  return gzipSync(tar(...entries));
}

/** Bytes as a stream of chunks. */
export async function* chunks(bytes: Buffer, size = 65_536): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
