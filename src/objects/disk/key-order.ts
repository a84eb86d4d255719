/** Keys in the order of S3: by the bytes of their UTF-8, which is also SQLite's order of text. */

/** Negative, zero or positive, as `a` sorts before, with or after `b`. JavaScript's `<` compares UTF-16. */
export function compareKeys(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** The first possible key behind all keys that begin with `prefix`; undefined when there is none. */
export function successor(prefix: string): string | undefined {
  const points = Array.from(prefix, (character) => character.codePointAt(0)!);
  for (let last; (last = points.pop()) !== undefined;)
    // from the last character before the surrogates, which no text contains, to the first behind them
    if (last < 0x10ffff) return String.fromCodePoint(...points, last === 0xd7ff ? 0xe000 : last + 1);
  return undefined;
}
