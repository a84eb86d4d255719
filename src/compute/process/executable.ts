import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join, resolve } from "node:path";

/** The program can not be started; the message is a sentence for a FailureReason. */
export class LaunchError extends Error {
  override readonly name = "LaunchError";
}

/** The file that a command's first word means, as a shell finds it. Throws LaunchError. */
export function findExecutable(name: string, path: string): string {
  const candidates = name.includes("/")
    ? [resolve(name)]
    : path.split(delimiter).map((folder) => join(folder || ".", name));
  for (const candidate of name ? candidates : []) {
    try {
      accessSync(candidate, constants.X_OK);
      if (statSync(candidate).isFile()) return candidate;
    } catch {
      // The next folder of the PATH may have it.
    }
  }
  throw new LaunchError(
    `The program ${name || '""'} was not found${name.includes("/") ? "" : " on the PATH"}. ` +
      `Install it, or correct the command with: tideway image add`,
  );
}
