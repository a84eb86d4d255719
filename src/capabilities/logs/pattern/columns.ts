/** The columns of a line: divided by spaces, but for what is in quotation marks or brackets. */
export function columnsOf(line: string): string[] {
  const found = line.match(/"[^"]*"|\[[^\]]*\]|[^\s]+/g) ?? [];
  return found.map((one) => (/^(".*"|\[.*\])$/s.test(one) && one.length > 1 ? one.slice(1, -1) : one));
}
