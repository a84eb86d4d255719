/** Who may import whom: the rules of ARCHITECTURE.md, checked on the import lines of every source file. */
import { globSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";

const ROOMS: Record<string, readonly string[]> = {
  base: [],
  wire: ["base"],
  state: ["base"],
  objects: ["base"],
  telemetry: ["base"],
  "model-server": ["base"],
  compute: ["base", "objects", "telemetry"],
  dataplane: ["base", "telemetry"],
  gateway: ["base", "wire", "dataplane", "telemetry"],
  sagemaker: ["base", "wire", "state"],
  capabilities: ["base", "wire", "state", "objects", "compute", "dataplane", "telemetry", "sagemaker"],
  cli: ["base"],
};
/** Modules of Node and packages that only one room may name. */
const OWNED: Record<string, readonly string[]> = {
  "node:sqlite": ["base", "state"],
  "onnxruntime-node": ["model-server"],
};

/** Commands that do without a running server: they use what it is made of. */
const OFFLINE = ["src/cli/commands/serve.ts", "src/cli/commands/simulate.ts"];

/** One sentence per forbidden import. */
export function violations(file: string, source: string): string[] {
  const path = file.replace(/^src\//, "");
  const room = path.includes("/") ? path.slice(0, path.indexOf("/")) : "main";
  const allowed = ROOMS[room];
  const found: string[] = [];
  for (const [, target = ""] of source.matchAll(/\b(?:from|import)\s*\(?\s*"([^"]+)"/g)) {
    const owners = OWNED[target];
    if (owners && !owners.includes(room))
      found.push(`${file}: only ${owners.join(", ")} may import ${target}`);
    if (!target.startsWith(".")) continue;
    const to = normalize(join(dirname(path), target));
    const toRoom = to.includes("/") ? to.slice(0, to.indexOf("/")) : "main";
    if (room === "main" || room === "roles" || OFFLINE.includes(file)) continue;
    if (toRoom === room) {
      const capability = (name: string) => name.split("/")[1];
      if (
        room === "capabilities" &&
        path.split("/").length > 2 &&
        capability(path) !== capability(to) &&
        !to.endsWith("/kinds.ts")
      )
        found.push(`${file}: a capability reads another one's kinds.ts only, not ${to}`);
    } else if (!allowed) found.push(`${file}: the room ${room} has no rule in scripts/check-imports.ts`);
    else if (!allowed.includes(toRoom)) found.push(`${file}: ${room} may not import ${toRoom} (${target})`);
  }
  return found;
}

if (import.meta.main) {
  const all = globSync("src/**/*.ts").flatMap((file) => violations(file, readFileSync(file, "utf8")));
  for (const one of all) console.error(one);
  console.log(all.length ? `${all.length} forbidden imports` : "imports: as ARCHITECTURE.md says");
  process.exitCode = all.length ? 1 : 0;
}
