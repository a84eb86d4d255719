const TABLE = new Int32Array(256).map((_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? 0x82f63b78 ^ (crc >>> 1) : crc >>> 1;
  return crc;
});

/** The CRC-32C of `before`'s bytes followed by these, at once: the AWS SDK's gives its digest as a promise only. */
export function crc32c(before: number, bytes: Uint8Array, from = 0, to = bytes.length): number {
  let crc = ~before;
  for (let at = from; at < to; at++) crc = TABLE[(crc ^ bytes[at]!) & 0xff]! ^ (crc >>> 8);
  return ~crc >>> 0;
}
