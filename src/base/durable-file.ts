import { open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";

/**
 * Writes a small file so that after a crash at any moment the old content or the new one is there, whole: to a file
 * beside it, fsync, rename, fsync of the folder. For files with one writer.
 */
export async function writeDurableFile(path: string, content: string, mode = 0o600): Promise<void> {
  const temporary = `${path}.new`;
  // One left by a crash might have another owner or mode.
  await rm(temporary, { force: true });
  {
    await using file = await open(temporary, "wx", mode);
    await file.writeFile(content);
    await file.sync();
  }
  await rename(temporary, path);
  await syncFolder(dirname(path));
}

/** Makes the names in a folder durable: without it a file that was renamed into the folder may be gone after a crash. */
export async function syncFolder(path: string): Promise<void> {
  await using folder = await open(path, "r");
  await folder.sync();
}
