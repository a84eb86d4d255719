import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const MODULE = fileURLToPath(new URL("../../src/cli/server-process.ts", import.meta.url));

test.skipIf(!existsSync("/proc/self"))(
  "a server ends with whoever started it, killed or not (needs /proc)",
  async () => {
    const dataDir = await mkdtemp(join(tmpdir(), "tideway-orphan-"));
    const starter = spawn(
      process.execPath,
      [
        "--input-type=module",
        "--eval",
        `import { ServerProcess } from ${JSON.stringify(MODULE)};
         const server = await ServerProcess.start(${JSON.stringify(dataDir)}, process.env);
         console.log(server.pid);
         setInterval(() => {}, 1000);`,
      ],
      { stdio: ["ignore", "pipe", "inherit"] },
    );
    let server = 0;
    for await (const line of createInterface(starter.stdout)) {
      server = Number(line);
      break;
    }
    expect(existsSync(`/proc/${server}`)).toBe(true);
    starter.kill("SIGKILL");
    while (existsSync(`/proc/${server}`)) await new Promise((resolve) => setTimeout(resolve, 20));
    await rm(dataDir, { recursive: true });
  },
);
