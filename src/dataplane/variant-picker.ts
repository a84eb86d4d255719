/** Which variant an invocation goes to. */

/**
 * By weight: a variant gets weight / sum of weights of the traffic, and one of weight 0 gets none unless it is asked
 * for by name. AWS does not say what it does when every weight is 0; here nobody gets traffic then, as was asked for.
 * `chance` is at least 0 and below 1.
 */
export function pickVariant<V extends { readonly weight: number }>(
  variants: readonly V[],
  chance: number,
): V | undefined {
  if (variants.length === 1) return variants[0]!.weight > 0 ? variants[0] : undefined;
  let total = 0;
  for (const { weight } of variants) total += weight;
  let left = chance * total;
  let last: V | undefined;
  for (const variant of variants) {
    if (!(variant.weight > 0)) continue;
    last = variant;
    if ((left -= variant.weight) < 0) return variant;
  }
  return last; // rounding may leave a crumb
}

/** The variant of that name; names are compared as they are written. */
export function variantNamed<V extends { readonly name: string }>(
  variants: readonly V[],
  name: string,
): V | undefined {
  return variants.find((variant) => variant.name === name);
}
