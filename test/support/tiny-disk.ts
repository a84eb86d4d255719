import { execFileSync } from "node:child_process";
import { mkdtempSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A file system of a few bytes or inodes (`size=8m`), where the machine lets us mount one. */
export class TinyDisk implements Disposable {
  readonly dir: string;

  private constructor(dir: string) {
    this.dir = dir;
  }

  static mount(options: string): TinyDisk | undefined {
    const dir = mkdtempSync(join(tmpdir(), "tideway-full-"));
    try {
      execFileSync("/bin/mount", ["-t", "tmpfs", "-o", options, "tmpfs", dir], { stdio: "ignore" });
      return new TinyDisk(dir);
    } catch {
      rmdirSync(dir);
      return undefined;
    }
  }

  [Symbol.dispose](): void {
    execFileSync("/bin/umount", [this.dir]);
    rmdirSync(this.dir);
  }
}
