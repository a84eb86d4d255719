/**
 * One real request to an instance before any caller's: what a model does only at its first (loading lazily, compiling)
 * is done then. The model's owner says what it is, for only a real input is one: the model's Environment
 * (TIDEWAY_WARMUP_BODY), or a file of the artifact, warmup.json or warmup.csv.
 */
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../../base/clock.ts";
import { request } from "../../base/node-http.ts";
import type { Address, FleetFailure } from "../engine.ts";

export interface WarmInput {
  readonly body: Buffer;
  readonly contentType: string;
}

/** What invocations may carry, and how long they may take. */
const MOST_BYTES = 6_291_456;
const MOST_MS = 60_000;

const FILES = [
  ["warmup.json", "application/json"],
  ["warmup.csv", "text/csv"],
] as const;

/** The input that the model's owner gave; undefined for none. Throws an Error with a sentence for one that is too long. */
export async function warmInput(
  environment: Readonly<Record<string, string>>,
  modelDir: string,
): Promise<WarmInput | undefined> {
  const text = environment["TIDEWAY_WARMUP_BODY"];
  if (text !== undefined)
    return {
      body: Buffer.from(text),
      contentType: environment["TIDEWAY_WARMUP_CONTENT_TYPE"] ?? "application/json",
    };
  for (const [name, contentType] of FILES) {
    const path = join(modelDir, name);
    const found = await stat(path).catch(() => undefined);
    if (!found?.isFile()) continue;
    if (found.size > MOST_BYTES)
      throw new Error(`${name} has ${found.size} bytes; an invocation may have ${MOST_BYTES}.`);
    return { body: await readFile(path), contentType };
  }
  return undefined;
}

/** What came of a warm call: nothing, what its owner should hear, or why the instance can not serve. */
export type WarmUp =
  | { readonly kind: "warm" }
  | { readonly kind: "refused"; readonly message: string }
  | { readonly kind: "failed"; readonly failure: Omit<FleetFailure, "logTail"> };

/** Sends the input to `/invocations`. A 4xx is the input's fault, and the instance serves; all else but a 2xx is its own. */
export async function warmCall(
  address: Address,
  input: WarmInput,
  clock: Clock,
  signal: AbortSignal,
): Promise<WarmUp> {
  const answer = await post(address, input, clock, signal);
  if (typeof answer === "number" && answer >= 200 && answer < 300) return { kind: "warm" };
  if (typeof answer === "number" && answer >= 400 && answer < 500)
    return { kind: "refused", message: `The model refused its warm-up request with HTTP ${answer}.` };
  const what = typeof answer === "number" ? `answered with HTTP ${answer}` : `failed (${answer})`;
  return {
    kind: "failed",
    failure: {
      reason: "crash",
      message: `The warm-up request to the model's server ${what}. See its log, or take TIDEWAY_WARMUP_BODY or the file warmup.* away.`,
    },
  };
}

/** The status of the answer, once all of it is there, or why there is none. */
function post(
  address: Address,
  { body, contentType }: WarmInput,
  clock: Clock,
  signal: AbortSignal,
): Promise<number | string> {
  if (signal.aborted) return Promise.resolve("stopped");
  return new Promise((resolve) => {
    const where =
      address.kind === "unix" ? { socketPath: address.path } : { host: address.host, port: address.port };
    const headers = { "content-type": contentType, "content-length": body.byteLength };
    const attempt = request({ ...where, method: "POST", path: "/invocations", headers, agent: false });
    const finish = (answer: number | string) => {
      cancel();
      signal.removeEventListener("abort", stop);
      attempt.destroy();
      resolve(answer);
    };
    const cancel = clock.after(MOST_MS, () => finish(`no answer within ${MOST_MS / 1000} s`));
    const stop = () => finish("stopped");
    signal.addEventListener("abort", stop);
    attempt.on("response", (response) => {
      response.resume().on("end", () => finish(response.statusCode ?? 0));
      response.on("close", () => finish("its answer broke off"));
    });
    attempt.on("error", (error: NodeJS.ErrnoException) => finish(error.code ?? error.message));
    attempt.end(body);
  });
}
