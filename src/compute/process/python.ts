import { execFile } from "node:child_process";
import { isAbsolute } from "node:path";
import { promisify } from "node:util";

import { findExecutable, LaunchError } from "./executable.ts";

/** The machine's Python. */
export interface Python {
  /** The interpreter itself, not a version manager's shim, which looks into a HOME that an instance does not have. */
  readonly executable: string;
  /** Where `pip install --user` puts packages, which is below HOME otherwise. */
  readonly userBase: string;
  /** Where it and its packages are. */
  readonly folders: readonly string[];
}

const run = promisify(execFile);
const QUESTION =
  "import site, sys; print(sys.executable, site.getuserbase(), sys.prefix, sys.base_prefix, *sys.path, sep='\\n')";

/** Finds Python once, when first asked. Rejects with LaunchError, and then looks again the next time. */
export function pythonFinder(
  name: string,
  environment: Readonly<Record<string, string | undefined>>,
): () => Promise<Python> {
  let found: Promise<Python> | undefined;
  return () =>
    (found ??= find(name, environment).catch((error: unknown) => {
      found = undefined;
      throw error;
    }));
}

async function find(
  name: string,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<Python> {
  let file: string;
  try {
    file = findExecutable(name, environment["PATH"] ?? "");
  } catch {
    throw new LaunchError(
      `The model's code/inference.py needs Python, but ${name} was not found. ` +
        `Install Python 3, or export the model to ONNX, which needs none.`,
    );
  }
  const answer = await run(file, ["-c", QUESTION], { timeout: 20_000, env: environment }).catch(
    (error: Error) => {
      throw new LaunchError(`Python (${file}) does not run: ${error.message.trim()}`);
    },
  );
  const [executable, userBase, ...folders] = answer.stdout.trim().split("\n");
  if (!executable || !userBase) throw new LaunchError(`Python (${file}) does not say where it is installed.`);
  return { executable, userBase, folders: [executable, ...folders.filter(isAbsolute)] };
}
