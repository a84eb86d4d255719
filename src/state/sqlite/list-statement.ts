import type { SQLInputValue } from "node:sqlite";
import type { Position } from "../page-tokens.ts";
import type { ListQuery, SortBy } from "../store.ts";

/** The column behind each sort order. */
export const SORT_COLUMN = {
  Name: "key",
  CreationTime: "created_at",
  LastModifiedTime: "updated_at",
  Status: "state",
} as const satisfies Record<SortBy, string>;

/**
 * The page of a query as one statement. It goes on after a position instead of skipping rows, so that rows which come
 * or go between two pages don't shift the others.
 */
export function listStatement(
  kind: string,
  query: ListQuery,
  after: Position | undefined,
): { readonly sql: string; readonly values: Record<string, SQLInputValue> } {
  const values: Record<string, SQLInputValue> = { kind, limit: query.limit + 1 };
  const conditions = ["kind = :kind"];
  const where = (condition: string, name: string, value: SQLInputValue | undefined) => {
    if (value === undefined) return;
    conditions.push(condition);
    values[name] = value;
  };
  // Whether SageMaker heeds case here isn't documented; whoever looks for "iris" wants "Iris" too.
  where("instr(lower(name), :nameContains)", "nameContains", query.nameContains?.toLowerCase());
  where("created_at < :createdBefore", "createdBefore", query.createdBefore);
  where("created_at > :createdAfter", "createdAfter", query.createdAfter);
  where("updated_at < :updatedBefore", "updatedBefore", query.updatedBefore);
  where("updated_at > :updatedAfter", "updatedAfter", query.updatedAfter);
  where("owner = :owner", "owner", query.owner);
  where(
    "state IN (SELECT value FROM json_each(:states))",
    "states",
    query.states && JSON.stringify(query.states),
  );
  const column = SORT_COLUMN[query.sortBy];
  const [than, order] = query.descending ? ["<", "DESC"] : [">", "ASC"];
  if (after) {
    conditions.push(`(${column}, id) ${than} (:afterValue, :afterId)`);
    [values["afterValue"], values["afterId"]] = after;
  }
  const sql = `SELECT * FROM resources WHERE ${conditions.join(" AND ")} ORDER BY ${column} ${order}, id ${order} LIMIT :limit`;
  return { sql, values };
}
