/**
 * Numbers as Python clients expect them, because answers are compared with a framework's own: the shortest digits
 * that give the same value of the type back (0.1, not 0.10000000149011612, for a float32), always with a point or
 * an exponent, and an exponent below 1e-4 and from 1e16 on, as Python's `repr` and NumPy before 2.4 lay them out.
 */

const SMALLEST_NORMAL = 2 ** -126;

/** A float64 as Python's `repr` prints it. */
export function float64Text(value: number): string {
  return pythonic(value, value);
}

/** A float32 with its own shortest digits. */
export function float32Text(value: number): string {
  if (!Number.isFinite(value) || (Number.isInteger(value) && Math.abs(value) <= 16_777_216))
    return pythonic(value, value);
  const magnitude = Math.abs(value);
  if (magnitude >= SMALL && magnitude < WITHOUT_EXPONENT && decimal(magnitude, found))
    return (value < 0 ? "-" : "") + exponentText(found.whole, found.power);
  return pythonic(value, shortestFloat32(value));
}

const found = { whole: 0, power: 0 };

/** `whole` over the tenth power of `power`, as Python writes what is below 1e-4. */
function exponentText(whole: number, power: number): string {
  const digits = String(whole);
  let end = digits.length;
  while (end > 1 && digits.charCodeAt(end - 1) === 48) end--;
  const exponent = power + 1 - digits.length;
  const point = end > 1 ? `.${digits.slice(1, end)}` : "";
  return `${digits[0]}${point}e-${exponent < 10 ? "0" : ""}${exponent}`;
}

/** Python writes smaller ones with an exponent. */
const WITHOUT_EXPONENT = 1e-4;
/** Powers of ten that a float64 holds exactly. */
const POWERS = Float64Array.from({ length: 22 }, (_, exponent) => 10 ** exponent);
/** The 24 bits of a float32 times this power of five fit in a float64: up to here a product is exact. */
const EXACT = 12;
/** Of numbers from here to there, all that is tried below is one of these powers away from a whole number. */
const [SMALL, LARGE] = [1e-12, 1e5];

/**
 * Whether a float32 is `whole` over the tenth power of `power`, with its own shortest digits, and written without an
 * exponent; there may be zeros behind those. What is false here may still be so: `float32Text` knows.
 */
export function float32Decimal(value: number, found: { whole: number; power: number }): boolean {
  const magnitude = Math.abs(value);
  return magnitude >= WITHOUT_EXPONENT && magnitude < LARGE && decimal(magnitude, found);
}

/** Six digits survive a normal float32 and nine tell all of them apart, so only these need to be tried. */
function decimal(magnitude: number, found: { whole: number; power: number }): boolean {
  let power = 0;
  while (magnitude * POWERS[power]! < LARGE) power++;
  for (let digits = 6; digits < 9; digits++, power++) {
    const scaled = magnitude * POWERS[power]!;
    const whole = Math.round(scaled);
    // A product is rounded behind that: what lies between two whole numbers is for the exact way to decide.
    if (power > EXACT && Math.abs(scaled - whole) > 0.499_999) return false;
    if (Math.fround(whole / POWERS[power]!) !== magnitude) continue;
    found.whole = whole;
    found.power = power;
    return true;
  }
  return false;
}

function shortestFloat32(value: number): number {
  const magnitude = Math.abs(value);
  if (magnitude >= SMALL && magnitude < LARGE && decimal(magnitude, found)) {
    const shorter = found.whole / POWERS[found.power]!;
    return value < 0 ? -shorter : shorter;
  }
  for (let digits = magnitude < SMALLEST_NORMAL ? 1 : 6; digits < 9; digits++) {
    const shorter = Number(value.toPrecision(digits));
    if (Math.fround(shorter) === value) return shorter;
  }
  return Number(value.toPrecision(9));
}

function pythonic(value: number, shortest: number): string {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  if (value === 0) return Object.is(value, -0) ? "-0.0" : "0.0";
  const magnitude = Math.abs(value);
  if (magnitude >= WITHOUT_EXPONENT && magnitude < 1e16)
    return Number.isInteger(shortest) ? `${shortest}.0` : String(shortest);
  // JavaScript writes 1e-7 where Python writes 1e-07.
  return shortest.toExponential().replace(/e([+-])(\d)$/, "e$10$2");
}
