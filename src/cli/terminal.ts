import { styleText } from "node:util";

type Style = Parameters<typeof styleText>[0];

/** What a terminal needs of a stream: `process.stdout` is one, and so is a test's list of lines. */
export interface Sink {
  write(chunk: string | Uint8Array): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/**
 * Where a command says what it does: sentences for a person, or (`--json`) one JSON object per line for a program.
 * Results go to standard output; hints, warnings and errors to standard error.
 */
export class Terminal {
  readonly json: boolean;
  readonly #out: Sink;
  readonly #err: Sink;
  readonly #colour: boolean;
  #live = false;

  constructor(out: Sink, err: Sink, env: Readonly<Record<string, string | undefined>>, json: boolean) {
    this.json = json;
    this.#out = out;
    this.#err = err;
    this.#colour = wantsColour(out, env);
  }

  /** A line for a person; a program does not get it. */
  say(line: string): void {
    if (this.json) return;
    this.#clear();
    this.#out.write(`${line}\n`);
  }

  /** A line beside the result, which a pipe should not get. */
  note(line: string): void {
    if (this.json) return;
    this.#clear();
    this.#err.write(`${line}\n`);
  }

  /** The line that changes in place while something goes on; a pipe does not get it. */
  live(line: string): void {
    if (this.json || !this.#out.isTTY) return;
    this.#clear();
    this.#out.write(line.slice(0, Math.max(20, (this.#out.columns ?? 80) - 1)));
    this.#live = true;
  }

  /** A step on the way, for a program. */
  event(event: string, facts: Readonly<Record<string, unknown>> = {}): void {
    if (this.json) this.#out.write(`${JSON.stringify({ event, ...facts })}\n`);
  }

  /** What the command was asked for: the last line of a program's output, or lines for a person. */
  result(facts: Readonly<Record<string, unknown>>, lines: () => string | readonly string[]): void {
    if (this.json) return this.event("result", facts);
    for (const line of [lines()].flat()) this.say(line);
  }

  /** Bytes as they are. */
  bytes(chunk: Uint8Array | string): void {
    this.#clear();
    this.#out.write(chunk);
  }

  error(message: string, hint: string | undefined, exitCode: number): void {
    if (this.json) return this.event("error", { message, ...(hint ? { hint } : {}), exitCode });
    this.#clear();
    this.#err.write(`${this.style("red", "error")}: ${message}\n`);
    if (hint) this.#err.write(`${hint}\n`);
  }

  style(style: Style, words: string): string {
    return this.#colour ? styleText(style, words, { validateStream: false }) : words;
  }

  #clear(): void {
    if (this.#live) this.#out.write("\r\u001B[2K");
    this.#live = false;
  }
}

/** https://no-color.org: set and not empty means no colours. FORCE_COLOR is Node's own word for the contrary. */
function wantsColour(out: Sink, env: Readonly<Record<string, string | undefined>>): boolean {
  if (env["NO_COLOR"]) return false;
  if (env["FORCE_COLOR"]) return env["FORCE_COLOR"] !== "0";
  return out.isTTY === true && env["TERM"] !== "dumb";
}
