import { stripVTControlCharacters } from "node:util";

/** Columns wide enough for what they hold, two blanks between; the last one is not padded. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = headings.map((heading, column) =>
    Math.max(width(heading), ...rows.map((row) => width(row[column] ?? ""))),
  );
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) =>
        column === cells.length - 1 ? cell : cell + " ".repeat((widths[column] ?? 0) - width(cell)),
      )
      .join("  ")
      .trimEnd();
  return [headings, ...rows].map(line);
}

/** Names and their values under each other; values that are not there are left out. */
export function facts(pairs: readonly (readonly [name: string, value: string | undefined])[]): string[] {
  const present = pairs.filter((pair): pair is [string, string] => pair[1] !== undefined && pair[1] !== "");
  const longest = Math.max(0, ...present.map(([name]) => name.length));
  return present.map(([name, value]) => `${name.padEnd(longest)}  ${value}`);
}

/** Control characters that came from elsewhere (a log line, a model's message) must not steer the terminal. */
export function printable(words: string): string {
  // oxlint-disable-next-line no-control-regex -- they are what is looked for
  return stripVTControlCharacters(words).replace(/[\u0000-\u0008\u000B-\u001F\u007F-\u009F]/g, "");
}

function width(words: string): number {
  return stripVTControlCharacters(words).length;
}
