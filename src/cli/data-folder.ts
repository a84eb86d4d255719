import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join, resolve } from "node:path";

/** How to reach a running server and sign for it. */
export interface Connection {
  readonly url: string;
  readonly region: string;
  readonly accountId: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** What `serve` leaves in its data folder while it runs, for the other commands to find it. */
export interface ServerFile extends Connection {
  readonly pid: number;
}

/** `--data`, `TIDEWAY_DATA`, or `~/.tideway`. */
export function dataFolder(
  given: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): string {
  return resolve(given ?? env["TIDEWAY_DATA"] ?? join(env["HOME"] ?? homedir(), ".tideway"));
}

/** Readable by its owner only: it holds the key. */
export async function writeServerFile(folder: string, server: ServerFile): Promise<void> {
  await mkdir(folder, { recursive: true });
  const file = join(folder, "server.json");
  const temporary = `${file}.${server.pid}`;
  await writeFile(temporary, `${JSON.stringify(server, null, 2)}\n`, { mode: 0o600 });
  await rename(temporary, file);
}

/** Undefined when there is none, or none that can be understood. */
export async function readServerFile(folder: string): Promise<ServerFile | undefined> {
  try {
    const found: unknown = JSON.parse(await readFile(join(folder, "server.json"), "utf8"));
    return isServerFile(found) ? found : undefined;
  } catch {
    return undefined;
  }
}

/** Only the file of this very process: another server may have taken the folder over. */
export async function removeServerFile(folder: string, pid: number): Promise<void> {
  if ((await readServerFile(folder))?.pid === pid) await rm(join(folder, "server.json"), { force: true });
}

function isServerFile(value: unknown): value is ServerFile {
  if (typeof value !== "object" || value === null) return false;
  const of = value as Record<string, unknown>;
  return (
    typeof of["pid"] === "number" &&
    ["url", "region", "accountId", "accessKeyId", "secretAccessKey"].every(
      (key) => typeof of[key] === "string",
    )
  );
}
