/** Which operation of a REST service a method, path, query and headers call. */
import type { StaticStructureSchema } from "@smithy/types";
import type { HttpRequest } from "./http.ts";
import type { Operation, Service } from "./service.ts";

/** The place of one operation in HTTP. */
export interface Route {
  readonly operation: Operation;
  readonly pattern: RegExp;
  /** Names of the pattern's groups, in order. */
  readonly labels: readonly string[];
  /** Query parameters that must be there, with the value that they must have, if any. */
  readonly queries: readonly (readonly [name: string, value: string])[];
  readonly headers: readonly string[];
}

const tables = new WeakMap<Service, Map<string, Route[]>>();

/** Of the operations whose path, literal query and required members the request has, the one that asks for most. */
export function findRoute(
  { method, path, query, headers }: HttpRequest,
  service: Service,
): Route | undefined {
  let table = tables.get(service);
  if (!table) tables.set(service, (table = routesByMethod(service)));
  return table
    .get(method)
    ?.find(
      (route) =>
        route.pattern.test(path) &&
        route.queries.every(([name, value]) => (value ? query.get(name) === value : query.has(name))) &&
        route.headers.every((name) => name in headers),
    );
}

function routesByMethod(service: Service): Map<string, Route[]> {
  const routes = [...service.operations.values()].filter((operation) => operation.http).map(routeOf);
  const demands = ({ queries, headers, labels }: Route) => queries.length + headers.length + labels.length;
  routes.sort((a, b) => demands(b) - demands(a));
  return Map.groupBy(routes, ({ operation }) => operation.http?.[0] ?? "");
}

function routeOf(operation: Operation): Route {
  const [template = "/", search = ""] = operation.http?.[1].split("?") ?? [];
  const members = [...operation.input.structIterator()];
  // S3's bucket is left out of the path in the SDK's schemas: there, endpoint rules put it into the path or the host
  const bucket = members.some(([name, member]) => name === "Bucket" && member.getMergedTraits().httpLabel);
  const path =
    bucket && !template.includes("{Bucket}") ? `/{Bucket}${template === "/" ? "" : template}` : template;
  const labels: string[] = [];
  const source = path.replace(/\{(\w+)(\+?)\}/g, (_, name: string, greedy: string) => {
    labels.push(name);
    return greedy ? "(.+)" : "([^/]+)";
  });
  const required = members.slice(0, (operation.input.getSchema() as StaticStructureSchema)[6] ?? 0);
  const traits = required.map(([, member]) => member.getMergedTraits());
  return {
    operation,
    labels,
    // a key may end in a slash, which is then part of it
    pattern: new RegExp(`^${source}/?$`, "s"),
    queries: [
      // older clients do not send x-id
      ...[...new URLSearchParams(search)].filter(([name]) => name !== "x-id"),
      ...traits.flatMap(({ httpQuery }) => (httpQuery ? [[httpQuery, ""] as const] : [])),
    ],
    headers: traits.flatMap(({ httpHeader }) => (httpHeader ? [httpHeader.toLowerCase()] : [])),
  };
}
