import type { ByteWriter } from "../../base/byte-writer.ts";
import { float32Decimal, float32Text } from "./number-text.ts";

const [POINT, ZERO, MINUS] = [46, 48, 45];
/** Sign, point, nine digits and four zeros before them are the longest. */
const scratch = Buffer.alloc(24);
const found = { whole: 0, power: 0 };

/** Writes what `float32Text` gives: for a batch of rows, strings of numbers would take longer than the model itself. */
export function writeFloat32(out: ByteWriter, value: number): void {
  if (!float32Decimal(value, found)) return out.text(float32Text(value));
  let { whole, power } = found;
  for (; power > 1 && whole % 10 === 0; power--) whole /= 10;
  let at = scratch.length;
  // up to the point, and a digit before it
  for (let digits = 0; digits <= power || whole > 0; digits++) {
    if (digits === power) scratch[--at] = POINT;
    const rest = Math.floor(whole / 10);
    scratch[--at] = ZERO + whole - rest * 10;
    whole = rest;
  }
  if (value < 0) scratch[--at] = MINUS;
  out.copy(scratch, at, scratch.length);
}
