import { validationError } from "./invocation-input.ts";

/** What one container might read as another path of its own. */
const AMBIGUOUS = /\/(?:\.|%2e){1,2}(?:\/|$)|%2f|%5c|\\|\/\//i;

/** Where the container is asked, without what belongs to the signature. */
export function containerPath(path: string, rawQuery: string): string {
  if (AMBIGUOUS.test(path))
    throw validationError("The path after openai may not hold dot segments, empty ones or encoded slashes.");
  const query = rawQuery
    .split("&")
    .filter((pair) => pair && !/^X-Amz-/i.test(pair))
    .join("&");
  return query ? `${path}?${query}` : path;
}
