/** Samples as monitoring systems outside of this server are told them. */

export interface Sample {
  /** Of a histogram, after the family's name; the buckets come first, in the order of their bounds (label `le`). */
  readonly suffix?: "_bucket" | "_sum" | "_count";
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Samples of one name and meaning. A counter's name is without `_total`. */
export interface Family {
  readonly name: string;
  readonly type: "counter" | "gauge" | "histogram";
  readonly help: string;
  readonly samples: readonly Sample[];
}

/** Units that names end in. */
const UNITS = ["seconds", "bytes", "ratio"];

/** The unit that a family's name tells; undefined for what is merely counted. */
export function unitOf(name: string): string | undefined {
  return UNITS.find((unit) => name.endsWith(`_${unit}`));
}
