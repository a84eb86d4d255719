/**
 * The program inside an instance: loads the model of a folder and serves it by the SageMaker container contract.
 *
 * TIDEWAY_SOCKET          unix socket to listen on; else TCP on TIDEWAY_BIND_HOST (127.0.0.1) and
 * SAGEMAKER_BIND_TO_PORT  (8080)
 * TIDEWAY_FRAMES_SOCKET   unix socket on which invocations come as frames too (base/frames.ts)
 * TIDEWAY_MODEL_DIR       the model's folder (else SAGEMAKER_BASE_DIR/model, /opt/ml/model)
 * TIDEWAY_RUNTIME         onnx, xgboost or lightgbm (else chosen from the files)
 * TIDEWAY_THREADS         threads of one run (1)
 * TIDEWAY_MAX_BODY_BYTES  largest request (104857600)
 * TIDEWAY_MAX_BATCH_SIZE  most rows of one run made of several requests (64 where a test run says that it pays, else 1)
 * TIDEWAY_MAX_BATCH_DELAY_MS  how long a request may wait for company (0)
 * TIDEWAY_CHANNEL         what the channel to its host is for (base/instance-channel.ts): to tell when it serves; to wait
 *                         for its work, all of the above, with everything loaded that needs no model
 */
import { fstatSync } from "node:fs";
import { flushCompileCache } from "node:module";
import { join } from "node:path";

import { systemClock } from "../base/clock.ts";
import { CHANNEL_USES } from "../base/instance-channel.ts";
import { USUAL_ROWS } from "./batcher.ts";
import { FramesServer } from "./frames-server.ts";
import { say, takeWork } from "./host-channel.ts";
import { Invocations, type ServerSettings } from "./invocations.ts";
import { loadAhead } from "./load-ahead.ts";
import { loadModel } from "./load-model.ts";
import { InvalidModel, type Model, type ModelFormat, type TensorInfo } from "./model.ts";
import { ModelServer } from "./server.ts";
import { warmUp } from "./warm-up.ts";

const { env } = process;
/** Whether there is anything to finish. */
let begun = false;
let stopping = false;
process.on("SIGTERM", () => void stop());
endWithParent();
if (env.TIDEWAY_CHANNEL === CHANNEL_USES.wait) await waitForWork();
process.title = "tideway: instance";

const log = (line: string) => void process.stdout.write(`${line}\n`);
const directory = env.TIDEWAY_MODEL_DIR || join(env.SAGEMAKER_BASE_DIR || "/opt/ml", "model");
const settings: ServerSettings = {
  maxBodyBytes: wholeNumber("TIDEWAY_MAX_BODY_BYTES", 104_857_600, 2 ** 31),
  batch: /^(1|true)$/i.test(env.SAGEMAKER_BATCH ?? ""),
  defaultAccept: env.SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT,
  log,
};
/** Undefined where nothing is said: then a test run decides. */
const maxRows = env.TIDEWAY_MAX_BATCH_SIZE
  ? Math.max(1, wholeNumber("TIDEWAY_MAX_BATCH_SIZE", USUAL_ROWS, 65_536))
  : undefined;
const maxDelayMs = wholeNumber("TIDEWAY_MAX_BATCH_DELAY_MS", 0, 60_000);
const server = new ModelServer(settings);
const frames = env.TIDEWAY_FRAMES_SOCKET ? new FramesServer(settings) : undefined;
let model: Model | undefined;
begun = true;

server.http.on("error", (error) => fail(`The instance can not listen: ${error.message}`));
await frames
  ?.listen(env.TIDEWAY_FRAMES_SOCKET!)
  .catch((error: Error) => fail(`The instance can not listen: ${error.message}`));
server.http.listen(
  env.TIDEWAY_SOCKET
    ? { path: env.TIDEWAY_SOCKET }
    : {
        host: env.TIDEWAY_BIND_HOST || "127.0.0.1",
        port: wholeNumber("SAGEMAKER_BIND_TO_PORT", 8080, 65_535),
      },
  () => void start(),
);

async function start(): Promise<void> {
  const address = server.http.address();
  log(
    `Listening on ${typeof address === "string" ? address : `http://${address?.address}:${address?.port}`}`,
  );
  try {
    const begun = systemClock.monotonic();
    model = await loadModel(directory, runtime(), wholeNumber("TIDEWAY_THREADS", 1, 256));
    // Without it a caller who asks for labels and probabilities would silently get scores.
    if (env.SAGEMAKER_INFERENCE_OUTPUT)
      throw new InvalidModel(
        "SAGEMAKER_INFERENCE_OUTPUT (selectable inference) is not supported: remove it from the model's Environment.",
      );
    const loaded = systemClock.monotonic();
    const { merge, failure } = await warmUp(model, systemClock, maxRows);
    if (failure) log(`The model did not run on made-up rows, and is served all the same: ${failure}`);
    const batching = { maxRows: merge ? (maxRows ?? USUAL_ROWS) : 1, maxDelayMs };
    const invocations = new Invocations(model, batching, settings, systemClock);
    server.serve(invocations);
    frames?.serve(invocations);
    if (env.TIDEWAY_CHANNEL) say("s");
    log(
      `Serving ${model.format} model of ${directory}: inputs ${model.inputs.map(describe).join(", ")}; outputs ${model.outputs.map(describe).join(", ")}; ` +
        `loaded in ${(loaded - begun).toFixed(1)} ms, first run ${(systemClock.monotonic() - loaded).toFixed(1)} ms; requests run ${merge ? "together" : "one by one"}`,
    );
    // With NODE_COMPILE_CACHE set the next instance starts in 70 instead of 120 ms of CPU, even if this one is killed.
    flushCompileCache();
  } catch (error) {
    const { message } = error as Error;
    const sentence = error instanceof InvalidModel ? message : `The model can not be loaded: ${message}`;
    // The sentence becomes a FailureReason: whoever reads that needs the file's name, not where this machine keeps it.
    fail(sentence.replaceAll(`${directory}/`, ""));
  }
}

/** Gets everything ready that is the same for all models, then becomes what it is told to be. */
async function waitForWork(): Promise<void> {
  process.title = "tideway: warm worker";
  const quiet = { maxBodyBytes: 0, batch: false, defaultAccept: undefined, log: () => {} };
  await loadAhead(quiet, systemClock);
  flushCompileCache();
  const work = takeWork();
  say("w");
  const { environment } = await work;
  for (const name of Object.keys(env)) delete env[name];
  Object.assign(env, environment);
}

/** Finishes what has begun; a second signal ends at once. */
async function stop(): Promise<void> {
  if (!begun || stopping) process.exit(0);
  stopping = true;
  await Promise.all([server.drain(), frames?.drain()]);
  await model?.[Symbol.asyncDispose]();
  process.exit(0);
}

/** The engine holds the other end of standard input: when it is gone, so is the reason to run. */
function endWithParent(): void {
  const input = fstatSync(0, { throwIfNoEntry: false });
  // /dev/null and terminals do not tell of a parent.
  if (!input?.isFIFO() && !input?.isSocket()) return;
  process.stdin.on("end", () => process.exit(0));
  process.stdin.on("error", () => process.exit(0));
  process.stdin.resume();
}

function runtime(): ModelFormat | undefined {
  const name = env.TIDEWAY_RUNTIME;
  if (name === "onnx" || name === "xgboost" || name === "lightgbm") return name;
  return name ? fail(`TIDEWAY_RUNTIME is ${name}, and must be onnx, xgboost or lightgbm.`) : undefined;
}

function wholeNumber(name: string, fallback: number, most: number): number {
  const written = env[name];
  if (!written) return fallback;
  const number = Number(written);
  return Number.isInteger(number) && number >= 0 && number <= most
    ? number
    : fail(`${name} is ${written}, and must be a whole number up to ${most}.`);
}

function describe({ name, type, shape }: TensorInfo): string {
  return `${name} ${type}[${shape.join(", ")}]`;
}

function fail(sentence: string): never {
  process.stderr.write(`${sentence.replaceAll(/\s+/g, " ")}\n`);
  process.exit(1);
}
