/**
 * The CRC of two byte strings, one after the other, from the CRC of each: so that a multipart object's checksum
 * needs none of its bytes again. Multiplication of reflected polynomials, as in zlib's crc32_combine.
 */
export interface CrcForm {
  readonly bits: bigint;
  /** Reflected. */
  readonly polynomial: bigint;
}

export const CRC_FORMS: Readonly<Record<string, CrcForm>> = {
  CRC32: { bits: 32n, polynomial: 0xedb88320n },
  CRC32C: { bits: 32n, polynomial: 0x82f63b78n },
  CRC64NVME: { bits: 64n, polynomial: 0x9a6c9329ac4bc9b5n },
};

/** The CRC of `a` followed by `b`, which is `length` bytes long. */
export function combineCrc(form: CrcForm, a: bigint, b: bigint, length: number): bigint {
  return multiply(form, shift(form, length), a) ^ b;
}

/** x to the power of 8 x `bytes`, modulo the polynomial. */
function shift(form: CrcForm, bytes: number): bigint {
  let result = 1n << (form.bits - 1n);
  let square = 1n << (form.bits - 9n); // x^8
  for (let left = BigInt(bytes); left > 0n; left >>= 1n) {
    if (left & 1n) result = multiply(form, square, result);
    square = multiply(form, square, square);
  }
  return result;
}

function multiply({ bits, polynomial }: CrcForm, a: bigint, b: bigint): bigint {
  let product = 0n;
  for (let bit = 1n << (bits - 1n); bit; bit >>= 1n) {
    if (a & bit) product ^= b;
    b = b & 1n ? (b >> 1n) ^ polynomial : b >> 1n;
  }
  return product;
}
