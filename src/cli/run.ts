/** Runs the command that the command line names. */
import { createInterface } from "node:readline";
import { systemClock } from "../base/clock.ts";
import { commands } from "./commands.ts";
import { EXIT } from "./exit-codes.ts";
import { packageVersion } from "../base/package-version.ts";
import { runProgram } from "./program.ts";

const interrupted = new AbortController();
let firstAt = 0;
for (const name of ["SIGINT", "SIGTERM"] as const)
  process.on(name, () => {
    // A second signal ends a command that does not heed the first. npm passes on what the terminal has sent already,
    // so two within half a second are one.
    if (interrupted.signal.aborted && systemClock.monotonic() - firstAt > 500) process.exit(EXIT.interrupted);
    if (!interrupted.signal.aborted) firstAt = systemClock.monotonic();
    interrupted.abort();
  });
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  // `tideway logs | head` closes the pipe; that is no mishap.
  if (error.code === "EPIPE") process.exit(0);
  throw error;
});

// Nobody reads what is said: no reason to end.
process.stderr.on("error", () => {});

/** Of whoever sits at the terminal; another Ctrl-C is no answer. */
async function ask(question: string): Promise<string | undefined> {
  if (!process.stdin.isTTY) return undefined;
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return await new Promise((resolve) => {
      lines.question(question, resolve);
      lines.once("SIGINT", () => resolve(undefined)).once("close", () => resolve(undefined));
    });
  } finally {
    lines.close();
  }
}

process.exitCode = await runProgram(commands, process.argv.slice(2), {
  out: process.stdout,
  err: process.stderr,
  env: process.env,
  signal: interrupted.signal,
  ask,
  version: packageVersion(),
});
