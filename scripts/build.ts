/** Compiles src/ into dist/, as the published package runs it, and sees that it starts. */
import { execFileSync } from "node:child_process";
import { rmSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const node = (...words: string[]) => execFileSync(process.execPath, words, { cwd: root, stdio: "inherit" });

rmSync(`${root}/dist`, { recursive: true, force: true });
node("node_modules/typescript/bin/tsc", "-p", "tsconfig.build.json");
node("dist/cli/main.js", "version");
