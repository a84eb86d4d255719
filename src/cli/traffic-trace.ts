/** Traffic written down: how many requests there were in a second, over time. */
import { CliError } from "./exit-codes.ts";

export interface TrafficTrace {
  /** Requests a second at a time, in milliseconds from the first row. */
  readonly rate: (at: number) => number;
  readonly durationMs: number;
}

const MOST_DAYS = 31;

/** Rows of a time (seconds, or as ISO 8601 has it) and a rate; each holds until the next, the last as long as the one before. */
export function readTrace(csv: string): TrafficTrace {
  const rows: { at: number; rate: number }[] = [];
  for (const [index, line] of csv.split(/\r?\n/).entries()) {
    const [time = "", value = ""] = line.split(",").map((cell) => cell.trim());
    const seconds = time === "" ? NaN : Number(time);
    const at = Number.isNaN(seconds) ? Date.parse(time) : seconds * 1000;
    const rate = value === "" ? NaN : Number(value);
    if (line.trim() === "" || (index === 0 && Number.isNaN(rate))) continue;
    if (Number.isNaN(at) || !(rate >= 0))
      throw new CliError(
        "usage",
        `--trace, line ${index + 1}: it is not a time and a number of requests per second.`,
      );
    const before = rows.at(-1);
    if (before && at <= before.at)
      throw new CliError(
        "usage",
        `--trace, line ${index + 1}: its time is not after that of the line before.`,
      );
    rows.push({ at, rate });
  }
  const [first, last] = [rows[0], rows.at(-1)];
  if (!first || !last || rows.length < 2) throw new CliError("usage", "--trace needs at least two rows.");
  const durationMs = last.at - first.at + (last.at - rows.at(-2)!.at);
  if (durationMs > MOST_DAYS * 86_400_000)
    throw new CliError("usage", `--trace is longer than ${MOST_DAYS} days.`);
  let row = 0;
  return {
    durationMs,
    rate(at) {
      const time = first.at + at;
      if (rows[row]!.at > time) row = 0;
      while (row + 1 < rows.length && rows[row + 1]!.at <= time) row += 1;
      return rows[row]!.rate;
    },
  };
}
