import type { Terminal } from "./terminal.ts";

/** A command as data: what it is called, what it takes, what it does. `program.ts` makes a parser of these. */
export interface Command {
  /** `ls`, or `image add` for one under a noun. */
  readonly name: string;
  readonly summary: string;
  /** Shown at the end of its help. */
  readonly examples?: readonly string[];
  readonly args?: readonly Argument[];
  readonly options?: readonly Option[];
  /** Commands that need no running server take no `--data` of their own accord. */
  readonly local?: boolean;
  run(call: Call): Promise<void>;
}

export interface Argument {
  /** `<name>`, `[name]` or `<name...>`. */
  readonly name: string;
  readonly summary: string;
  readonly choices?: readonly string[];
  readonly default?: string;
}

export interface Option {
  /** `-t, --content-type <type>`; `--no-wait` is true unless given. */
  readonly flags: string;
  readonly summary: string;
  readonly default?: string;
  readonly choices?: readonly string[];
  /** Given several times, it collects. */
  readonly many?: boolean;
  readonly required?: boolean;
}

/** One use of a command. */
export interface Call {
  /** In the order of `args`; a rest argument is the array at its place. */
  readonly args: readonly (string | readonly string[] | undefined)[];
  readonly options: Readonly<Record<string, string | boolean | readonly string[] | undefined>>;
  readonly terminal: Terminal;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborts at Ctrl-C. */
  readonly signal: AbortSignal;
  /** A person's answer, where there is one at the terminal. */
  readonly ask?: ((question: string) => Promise<string | undefined>) | undefined;
}

/** The text of an argument or option, if it was given. */
export function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

/** The text of one that the parser has seen to be there. */
export function required(value: unknown): string {
  return text(value) ?? "";
}
