import { afterEach } from "vitest";

/** What a file's tests open is closed after each of them, the last first: `const keep = keeper()` at its top. */
export function keeper(): <T extends AsyncDisposable>(one: T) => T {
  const open: AsyncDisposable[] = [];
  afterEach(async () => {
    for (const one of open.splice(0).toReversed()) await one[Symbol.asyncDispose]();
  });
  return (one) => {
    open.push(one);
    return one;
  };
}
