/** The program. `bin/tideway` starts this file; `npm start` and `npm run demo` do, too. */
import { enableCompileCache } from "node:module";
import { homedir } from "node:os";
import { join } from "node:path";

// Before anything else is loaded: compiled code is read from here at the next start. In a folder of the user's own, for
// whoever can write there can run code.
enableCompileCache(join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "tideway"));

await import("./run.ts");
