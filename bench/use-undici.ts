/** Loaded before a server (`node --import`), lets it speak HTTP to its instances by undici. */
import { registerHooks } from "node:module";

const OURS = new URL("../src/dataplane/http-link.ts", import.meta.url).href;
const UNDICI = new URL("./undici-link.ts", import.meta.url).href;

registerHooks({
  resolve(specifier, context, next) {
    const resolved = next(specifier, context);
    return resolved.url === OURS ? { ...resolved, url: UNDICI } : resolved;
  },
});
