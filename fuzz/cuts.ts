/** The same bytes in pieces of other sizes: a parser of a stream must not care. */

/** The sizes in which an input is read the second time: byte by byte at times, for that takes long. */
export function sizesFor({ length }: Buffer): number[] {
  if (length > 16_384) return [4096, 1, 500];
  return length % 8 === 0 ? [1] : [1 + (length % 13), 5, 1 + (length % 601)];
}

/** Pieces of these sizes, in turn; a size of 0 is the rest. */
export async function* pieces(bytes: Buffer, ...sizes: number[]): AsyncGenerator<Uint8Array> {
  yield* cut(bytes, ...sizes);
}

/** The same for a parser that is handed its pieces. */
export function* cut(bytes: Buffer, ...sizes: number[]): Generator<Buffer> {
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const size = sizes[turn % sizes.length]! || bytes.length;
    yield bytes.subarray(at, at + size);
    at += size;
  }
}
