/** Rights the checksum of every block that may be a tar header, or changes would get no further than those. */
export function withChecksums(input: Buffer): Buffer {
  const bytes = Buffer.from(input);
  for (let at = 0; at + 512 <= bytes.length; at += 512) {
    const block = bytes.subarray(at, at + 512);
    if (block[0] === 0 && block.every((byte) => byte === 0)) continue;
    // content of a file has no digits here
    if (!/[0-7]/.test(String.fromCharCode(block[148]!))) continue;
    block.fill(0x20, 148, 156);
    let sum = 0;
    for (const byte of block) sum += byte;
    block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  }
  return bytes;
}
