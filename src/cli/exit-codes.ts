import { PROGRAM } from "./program-name.ts";

/** What the exit code of a command means, so that a script can act on it. */
export const EXIT = {
  ok: 0,
  failure: 1,
  usage: 2,
  notFound: 3,
  conflict: 4,
  deploymentFailed: 5,
  timedOut: 6,
  unreachable: 7,
  invalidInput: 8,
  interrupted: 130,
} as const;

export type ExitName = keyof typeof EXIT;

/** A mistake or mishap that is told in a sentence, without a stack: what happened, and what to do about it. */
export class CliError extends Error {
  readonly exit: ExitName;
  readonly hint: string | undefined;

  constructor(exit: ExitName, message: string, hint?: string) {
    super(message);
    this.name = "CliError";
    this.exit = exit;
    this.hint = hint;
  }
}

/** What an error of the AWS SDKs looks like to us. */
interface ServiceError extends Error {
  readonly $metadata: { readonly httpStatusCode?: number };
}

/** The sentence and the exit code for anything a command may throw; undefined for what can only be a bug of ours. */
export function explain(error: unknown): CliError | undefined {
  if (error instanceof CliError) return error;
  if (!(error instanceof Error)) return undefined;
  if (isUnreachable(error))
    return new CliError(
      "unreachable",
      `No server answers (${reason(error)}).`,
      `Start one with: ${PROGRAM} serve`,
    );
  if (error.name === "AbortError") return new CliError("interrupted", "Interrupted.");
  if ("$metadata" in error) {
    const named = error.name === "Error" ? "" : `${error.name}: `;
    return new CliError(exitOfService(error as ServiceError), named + error.message);
  }
  return undefined;
}

function exitOfService({ name, message, $metadata: { httpStatusCode: status = 0 } }: ServiceError): ExitName {
  if (status === 404 || /^(NoSuch|NotFound|ResourceNotFound)/.test(name)) return "notFound";
  if (/could not find|does not exist|not found/i.test(message)) return "notFound";
  if (status === 409 || /^(ResourceInUse|Conflict)/.test(name)) return "conflict";
  if (/already exist|in-progress|in use/i.test(message)) return "conflict";
  if (name === "ModelError" || status >= 500 || status === 403 || status === 429) return "failure";
  return "invalidInput";
}

const UNREACHABLE = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "ENOTFOUND",
  "EHOSTUNREACH",
  "ETIMEDOUT",
  "EAI_AGAIN",
]);

function isUnreachable(error: Error): boolean {
  return UNREACHABLE.has(codeOf(error)) || UNREACHABLE.has(codeOf(error.cause));
}

function codeOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return codeOf(error.errors[0]);
  return error instanceof Error && "code" in error ? String(error.code) : "";
}

function reason(error: Error): string {
  const cause = error.cause instanceof Error ? error.cause : error;
  const first: unknown = cause instanceof AggregateError ? cause.errors[0] : cause;
  return first instanceof Error ? first.message : cause.message;
}
