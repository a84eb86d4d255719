/** Writers of the binary formats, by their specifications and with another CRC than the code under test. */
import { Crc32c } from "@aws-sdk/checksums/crc";

/** MXNet's RecordIO; data that holds the magic number at a multiple of 4 goes in parts without it. */
export function recordIo(data: Buffer): Buffer {
  const magic = Buffer.from("0a23d7ce", "hex");
  const parts: Buffer[] = [];
  let from = 0;
  for (let at = 0; at + 4 <= data.length; at += 4)
    if (data.subarray(at, at + 4).equals(magic)) {
      parts.push(data.subarray(from, at));
      from = at + 4;
    }
  parts.push(data.subarray(from));
  return Buffer.concat(
    parts.flatMap((part, index) => {
      const last = index === parts.length - 1;
      const flag = parts.length === 1 ? 0 : index === 0 ? 1 : last ? 3 : 2;
      const word = Buffer.alloc(4);
      word.writeUInt32LE(((flag << 29) | part.length) >>> 0);
      return [magic, word, part, Buffer.alloc((4 - (part.length % 4)) % 4)];
    }),
  );
}

export async function tfRecord(data: Buffer): Promise<Buffer> {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(data.length));
  return Buffer.concat([length, await masked(length), data, await masked(data)]);
}

async function masked(bytes: Buffer): Promise<Buffer> {
  const sum = new Crc32c();
  sum.update(bytes);
  const crc = Buffer.from(await sum.digest()).readUInt32BE(0);
  const result = Buffer.alloc(4);
  result.writeUInt32LE((((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0);
  return result;
}
