/**
 * The file of a module beside the running one, as `.ts` from sources and as `.js` from `dist/`:
 * `moduleUrl(import.meta.url, "../model-server/main")`. The compiler rewrites imports, but not such addresses.
 */
export function moduleUrl(from: string, relative: string): URL {
  return new URL(`${relative}${from.endsWith(".ts") ? ".ts" : ".js"}`, from);
}
