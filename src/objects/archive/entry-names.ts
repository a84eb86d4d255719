import { InvalidArchive, quoteName } from "./invalid-archive.ts";

const MAX_BYTES = 1024;
const MAX_DEPTH = 32;
/** What file systems allow for one component. */
const MAX_COMPONENT_BYTES = 255;

/**
 * A name from an archive or an object key as a relative path, its components joined by "/"; "" is the top folder itself.
 * Throws InvalidArchive for every name that could mean another place, or another file on another file system.
 */
export function checkEntryName(name: string): string {
  const refuse = (rule: string) => new InvalidArchive(`The entry ${quoteName(name)} ${rule}.`);
  if (name === "") throw refuse("has an empty name");
  if (Buffer.byteLength(name) > MAX_BYTES) throw refuse(`has a name of more than ${MAX_BYTES} bytes`);
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  if (/[\u0000-\u001f\u007f]/.test(name)) throw refuse("has a control character in its name");
  if (name.includes("\\")) throw refuse("has a backslash in its name");
  if (!name.isWellFormed() || name.includes("\ufffd")) throw refuse("has a name that is not UTF-8");
  // Python's `tar.add(folder, "/")`, which the SageMaker SDK packs with, names the top folder so.
  if (name === "/") return "";
  if (name.startsWith("/")) throw refuse("has an absolute name");
  const components = name.split("/").filter((component) => component !== "" && component !== ".");
  if (components.includes("..")) throw refuse('has ".." in its name');
  if (components.length > MAX_DEPTH) throw refuse(`lies more than ${MAX_DEPTH} folders deep`);
  if (components.some((component) => Buffer.byteLength(component) > MAX_COMPONENT_BYTES))
    throw refuse(`has a name with a part of more than ${MAX_COMPONENT_BYTES} bytes`);
  return components.join("/");
}

/** The names of one archive: no file twice, and no two names that one file system holds apart and another does not. */
export class EntryNames {
  readonly #known = new Map<string, { path: string; kind: "file" | "directory" }>();

  /** Adds a checked name and the folders above it. Throws InvalidArchive for a duplicate or a twin. */
  add(path: string, kind: "file" | "directory"): void {
    for (let end = path.indexOf("/"); end !== -1; end = path.indexOf("/", end + 1))
      this.#add(path.slice(0, end), "directory", path);
    this.#add(path, kind, path);
  }

  #add(path: string, kind: "file" | "directory", entry: string): void {
    const key = path.normalize("NFC").toUpperCase().toLowerCase().normalize("NFC");
    const known = this.#known.get(key);
    if (!known) {
      this.#known.set(key, { path, kind });
      return;
    }
    if (known.path !== path)
      throw new InvalidArchive(
        `The entry ${quoteName(entry)} differs from ${quoteName(known.path)} in case or Unicode form only.`,
      );
    if (known.kind === "directory" && kind === "directory") return;
    throw new InvalidArchive(
      known.kind === kind
        ? `The entry ${quoteName(entry)} is there twice.`
        : `The entry ${quoteName(path)} is both a file and a folder.`,
    );
  }
}
