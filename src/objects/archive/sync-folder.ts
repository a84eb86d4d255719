import { open } from "node:fs/promises";

/** Makes the names in a folder durable: without it a file that was renamed into the folder may be gone after a crash. */
export async function syncFolder(path: string): Promise<void> {
  await using folder = await open(path, "r");
  await folder.sync();
}
