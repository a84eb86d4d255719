/** What a program must be able to read besides the system's own files, told from how it is started. */
import { closeSync, openSync, readSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, isAbsolute, join, sep } from "node:path";

/** Of a module: its room and the rooms beside it, and the packages and package.json files that Node looks for above. */
export function moduleFiles(main: string): string[] {
  const own = dirname(dirname(main));
  return [
    own,
    ...foldersAbove(own).flatMap((folder) => [join(folder, "node_modules"), join(folder, "package.json")]),
  ];
}

/** Of a command: where its program is installed, its interpreter, and the files and folders that its arguments name. */
export function commandFiles(argv: readonly string[]): string[] {
  const [program = "", ...rest] = argv;
  const named = rest.flatMap((part) => (isAbsolute(part) ? [part] : [])).flatMap(withFolder);
  const interpreter = interpreterOf(program);
  return [...installation(program), ...(interpreter ? installation(interpreter) : []), ...named];
}

/** The paths of a variable such as LD_LIBRARY_PATH. */
export function pathsIn(variable: string | undefined): string[] {
  return variable?.split(":").filter(isAbsolute) ?? [];
}

/**
 * Those that may be shown: no folder that holds a secret one, nor anything inside the server's own. Beside a file that
 * is all there is of it.
 */
export function withoutSecrets(
  paths: readonly string[],
  secrets: { readonly holders: readonly string[]; readonly inside: readonly string[] },
): string[] {
  const within = (path: string, folder: string) => path === folder || path.startsWith(join(folder, sep));
  return [...new Set(paths)].filter(
    (path) =>
      ![...secrets.holders, ...secrets.inside].some((secret) => within(secret, path)) &&
      !secrets.inside.some((secret) => within(path, secret)),
  );
}

/** A program and what was installed with it: `/opt/conda` for `/opt/conda/bin/python`. */
function installation(program: string): string[] {
  const places = new Set([program, real(program)]);
  return [...places].flatMap((file) => {
    const folder = dirname(file);
    if (!/^(s?bin|shims)$/.test(basename(folder))) return [file, folder];
    const prefix = dirname(folder);
    // ~/.local holds more than programs.
    return basename(prefix) === ".local" ? [folder, join(prefix, "lib")] : [file, folder, prefix];
  });
}

/** A file, and the folder around it, where a program has its other parts. */
function withFolder(path: string): string[] {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat) return [];
  return stat.isFile() ? [path, dirname(path)] : stat.isDirectory() ? [path] : [];
}

/** What a script's first line says it is run by. */
function interpreterOf(file: string): string | undefined {
  try {
    const opened = openSync(file, "r");
    try {
      const start = Buffer.alloc(256);
      const line = start.toString("latin1", 0, readSync(opened, start)).split("\n")[0]!;
      return /^#!\s*(\/\S+)/.exec(line)?.[1];
    } finally {
      closeSync(opened);
    }
  } catch {
    return undefined;
  }
}

function real(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

function foldersAbove(path: string): string[] {
  const above = dirname(path);
  return above === path ? [path] : [path, ...foldersAbove(above)];
}
