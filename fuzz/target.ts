/** What a parser under fuzz looks like to the fuzzer, and the words in which an oracle complains. */

/** One parser with the inputs to start from and the oracle over each run. */
export interface FuzzTarget {
  /** Inputs that reach deep, texts with a byte per character; the corpus on disk is added to them. */
  readonly seeds: readonly (string | Uint8Array)[];
  /** Words of the format beyond the literals of the parser's source, which the fuzzer finds by itself. */
  readonly dictionary?: readonly string[];
  /** The longest input in bytes; 2,048 unless told. */
  readonly maxLength?: number;
  /** Throws, or rejects, when the parser broke its contract with this input. The bytes are only lent. */
  run(input: Buffer): void | Promise<void>;
}

/** A broken contract: an answer that is wrong, where a crash would be easier to see. */
export class Finding extends Error {
  override readonly name = "Finding";
}

type ErrorClass = abstract new (...parameters: never[]) => Error;

/** What a run gave, or the named error with which it refused its input. */
export type Attempt<T> =
  | { readonly value: T; readonly refusal?: undefined }
  | { readonly refusal: Error; readonly value?: undefined };

/** Runs a parser; an error that is none of the named ones goes on as a crash. */
export function attempt<T>(run: () => T, ...named: ErrorClass[]): Attempt<T> {
  try {
    return { value: run() };
  } catch (error) {
    return refused(error, named);
  }
}

/** The same for a parser that takes its input piece by piece. */
export async function attemptAsync<T>(run: () => Promise<T>, ...named: ErrorClass[]): Promise<Attempt<T>> {
  try {
    return { value: await run() };
  } catch (error) {
    return refused(error, named);
  }
}

function refused(error: unknown, named: readonly ErrorClass[]): { refusal: Error } {
  if (named.some((one) => error instanceof one)) return { refusal: error as Error };
  throw error;
}

/** Complains unless two things that must be equal are. */
export function same(what: string, given: unknown, expected: unknown): void {
  if (!Object.is(given, expected)) throw new Finding(`${what}: ${String(given)}, not ${String(expected)}`);
}
