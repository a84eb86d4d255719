import { compareKeys, successor } from "./key-order.ts";

export interface PageQuery {
  readonly prefix: string;
  /** Keys that have it behind the prefix are rolled up into one group; empty for none. */
  readonly delimiter: string;
  /** The key or group that the page before ended with; empty at the start. */
  readonly after: string;
  readonly limit: number;
}

export interface KeyPage<Row> {
  readonly rows: readonly Row[];
  readonly groups: readonly string[];
  /** What the next page comes after, if there is more. */
  readonly next?: string;
}

/**
 * One page of keys and groups in key order. `scan` gives rows from `from` on, lazily; a group is jumped over
 * with a new scan, so a page costs the same however many keys its groups hold.
 */
export function listPage<Row extends { readonly key: string }>(
  scan: (from: string, including: boolean) => Iterable<Row>,
  { prefix, delimiter, after, limit }: PageQuery,
): KeyPage<Row> {
  const rows: Row[] = [];
  const groups: string[] = [];
  const groupOf = (key: string) => {
    const at = delimiter ? key.indexOf(delimiter, prefix.length) : -1;
    return at < 0 ? undefined : key.slice(0, at + delimiter.length);
  };
  if (limit === 0) return { rows, groups };
  let from: string | undefined = after;
  let including = false;
  if (compareKeys(after, prefix) < 0) [from, including] = [prefix, true];
  else if (after.startsWith(prefix) && groupOf(after) === after) [from, including] = [successor(after), true];
  let last = after;
  while (from !== undefined) {
    let group: string | undefined;
    for (const row of scan(from, including)) {
      if (!row.key.startsWith(prefix)) break;
      if (rows.length + groups.length === limit) return { rows, groups, next: last };
      group = groupOf(row.key);
      last = group ?? row.key;
      if (group !== undefined) break;
      rows.push(row);
    }
    if (group === undefined) break;
    groups.push(group);
    [from, including] = [successor(group), true];
  }
  return { rows, groups };
}
