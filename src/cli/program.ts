import { Argument, Command as Parser, CommanderError, Option } from "commander";
import type { Call, Command } from "./command.ts";
import { CliError, EXIT, explain } from "./exit-codes.ts";
import { PROGRAM } from "./program-name.ts";
import { type Sink, Terminal } from "./terminal.ts";

/** What a run of the command line is given of the world. */
export interface World {
  readonly out: Sink;
  readonly err: Sink;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborts at Ctrl-C. */
  readonly signal: AbortSignal;
  /** A person's answer, where there is one at the terminal. */
  readonly ask?: Call["ask"];
  readonly version: string;
}

/** Runs the command that the words name and gives its exit code. Nothing is thrown at a user. */
export async function runProgram(
  commands: readonly Command[],
  words: readonly string[],
  world: World,
): Promise<number> {
  let terminal = new Terminal(world.out, world.err, world.env, words.includes("--json"));
  try {
    const program = parser(commands, world, (made) => (terminal = made));
    await program.parseAsync([...words], { from: "user" });
    return EXIT.ok;
  } catch (error) {
    if (error instanceof CommanderError) return usage(error, terminal);
    if (world.signal.aborted) return EXIT.interrupted;
    const known = explain(error);
    if (known) {
      terminal.error(known.message, known.hint, EXIT[known.exit]);
      return EXIT[known.exit];
    }
    const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
    terminal.error(`this is a fault in Tideway itself: ${stack}`, undefined, EXIT.failure);
    return EXIT.failure;
  }
}

/** Help and `--version` end the parser with an error, too. What was wrong has been printed by the parser for a person. */
function usage({ exitCode, message }: CommanderError, terminal: Terminal): number {
  if (exitCode === 0) return EXIT.ok;
  if (terminal.json) terminal.error(message.replace(/^error: /, ""), undefined, EXIT.usage);
  return EXIT.usage;
}

function parser(commands: readonly Command[], world: World, use: (terminal: Terminal) => void): Parser {
  const program = new Parser("tideway")
    .description(
      "Self-hosted machine-learning inference that speaks the Amazon SageMaker Inference protocols.",
    )
    .version(world.version)
    .helpCommand(false)
    .configureHelp({ sortSubcommands: false, showGlobalOptions: false })
    .addHelpText(
      "after",
      `\nStart with:  ${PROGRAM} demo   or   ${PROGRAM} serve, then: eval "$(${PROGRAM} env)"`,
    );
  const nouns = new Map<string, Parser>();
  for (const command of commands) {
    const [noun = "", verb] = command.name.split(" ");
    if (verb === undefined) {
      nouns.set(noun, add(program, noun, command, world, use));
      continue;
    }
    let under = nouns.get(noun);
    if (!under) {
      under = program.command(noun).description(`${noun}s: see tideway ${noun} --help`).helpCommand(false);
      nouns.set(noun, under);
    }
    add(under, verb, command, world, use);
  }
  tame(program, world);
  return program;
}

/** No exit of the process from within, and words go where the caller wants them. */
function tame(parser: Parser, world: World): void {
  parser.exitOverride().configureOutput({
    writeOut: (words) => void world.out.write(words),
    writeErr: (words) => void world.err.write(words),
    getOutHasColors: () => false,
    getErrHasColors: () => false,
  });
  for (const under of parser.commands) tame(under, world);
}

function add(
  under: Parser,
  name: string,
  command: Command,
  world: World,
  use: (terminal: Terminal) => void,
): Parser {
  const made = under.command(name).description(command.summary);
  for (const { name, summary, choices, default: value } of command.args ?? []) {
    const argument = new Argument(name, summary);
    if (choices) argument.choices([...choices]);
    if (value !== undefined) argument.default(value);
    made.addArgument(argument);
  }
  for (const { flags, summary, default: value, choices, many, required } of command.options ?? []) {
    const option = new Option(flags, summary);
    if (choices) option.choices([...choices]);
    if (value !== undefined) option.default(value);
    if (many)
      option.argParser((one: string, before: readonly string[] | undefined) => [...(before ?? []), one]);
    if (required) option.makeOptionMandatory();
    made.addOption(option);
  }
  if (!command.local)
    made.option("--data <dir>", "data folder of the server (else AWS_ENDPOINT_URL, else ~/.tideway)");
  made.option("--json", "print JSON lines instead of text");
  if (command.examples)
    made.addHelpText("after", `\nExamples:\n${command.examples.map((e) => `  ${e}`).join("\n")}`);
  made.action(async (...given: unknown[]) => {
    const count = command.args?.length ?? 0;
    const args = given.slice(0, count) as Call["args"][number][];
    const options = given[count] as Call["options"];
    const terminal = new Terminal(world.out, world.err, world.env, options["json"] === true);
    use(terminal);
    const { env, signal, ask } = world;
    await command.run({ args, options, terminal, env, signal, ask });
  });
  return made;
}

/** A number among the options, or a sentence that says what it should have been. */
export function wholeNumber(words: unknown, flag: string, from: number, to: number): number {
  const value = typeof words === "string" && /^\d+$/.test(words) ? Number(words) : Number.NaN;
  if (!(value >= from && value <= to))
    throw new CliError(
      "usage",
      `${flag} takes a whole number from ${from} to ${to}, not "${String(words)}".`,
    );
  return value;
}
