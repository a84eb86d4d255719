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
 *                         for its work, which is an environment of all the above, with everything loaded that needs no model
 */
import { fstatSync } from "node:fs";
import { flushCompileCache } from "node:module";
import { dirname } from "node:path";

import { systemClock } from "../base/clock.ts";
import { CHANNEL_USES } from "../base/instance-channel.ts";
import { say, takeWork } from "./host-channel.ts";
import { Instance } from "./instance.ts";

const { env } = process;
let instance: Instance | undefined;
let stopping = false;

process.on("SIGTERM", () => void stop());
endWithParent();
try {
  if (env.TIDEWAY_CHANNEL === CHANNEL_USES.wait) await waitForWork();
  process.title = "tideway: instance";
  instance = new Instance(env, (line) => void process.stdout.write(`${line}\n`), systemClock);
  await instance.serve();
  if (env.TIDEWAY_CHANNEL) say("s");
  // With NODE_COMPILE_CACHE set the next instance starts in 70 instead of 120 ms of CPU, even if this one is killed.
  flushCompileCache();
} catch (error) {
  process.stderr.write(`${(error as Error).message.replaceAll(/\s+/g, " ")}\n`);
  process.exit(1);
}

/** Gets everything ready that is the same for all models, then becomes what it is told to be. */
async function waitForWork(): Promise<void> {
  process.title = "tideway: warm worker";
  const { rehearse } = await import("./rehearsal.ts");
  await rehearse(dirname(env.TIDEWAY_SOCKET!), systemClock);
  flushCompileCache();
  const work = takeWork();
  say("w");
  const { environment } = await work;
  for (const name of Object.keys(env)) delete env[name];
  Object.assign(env, environment);
}

/** Finishes what has begun; a second signal ends at once. */
async function stop(): Promise<void> {
  if (!instance || stopping) process.exit(0);
  stopping = true;
  await instance.drain();
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
