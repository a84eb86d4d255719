/** A process that opens the data folder it is given, says so or why not, and holds it until it is killed. */
import { openDataFolder } from "../../src/state/data-folder.ts";

try {
  await openDataFolder(process.argv[2]!);
  console.log("open");
  process.stdin.resume();
} catch (error) {
  console.log((error as Error).message);
}
