import { join } from "node:path";

import type { Clock } from "../base/clock.ts";
import { USUAL_ROWS } from "./batcher.ts";
import { FramesServer } from "./frames-server.ts";
import { Invocations, type ServerSettings } from "./invocations.ts";
import { loadModel } from "./load-model.ts";
import { InvalidModel, type Model, type ModelFormat, type TensorInfo } from "./model.ts";
import { ModelServer } from "./server.ts";
import { warmUp } from "./warm-up.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** One model, served by the container contract as its environment says (main.ts lists the variables). */
export class Instance {
  readonly #settings: ServerSettings;
  readonly #environment: Environment;
  readonly #clock: Clock;
  readonly #server: ModelServer;
  readonly #frames: FramesServer | undefined;
  #model: Model | undefined;

  constructor(environment: Environment, log: (line: string) => void, clock: Clock) {
    this.#environment = environment;
    this.#clock = clock;
    this.#settings = {
      maxBodyBytes: this.#wholeNumber("TIDEWAY_MAX_BODY_BYTES", 104_857_600, 2 ** 31),
      batch: /^(1|true)$/i.test(environment["SAGEMAKER_BATCH"] ?? ""),
      defaultAccept: environment["SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT"],
      log,
    };
    this.#server = new ModelServer(this.#settings);
    this.#frames = environment["TIDEWAY_FRAMES_SOCKET"] ? new FramesServer(this.#settings) : undefined;
  }

  /** Listens, loads the model, and serves it. Rejects with a sentence for a FailureReason. */
  async serve(): Promise<void> {
    await this.#listen().catch((error: Error) => {
      throw error instanceof InvalidModel
        ? error
        : new Error(`The instance can not listen: ${error.message}`);
    });
    const environment = this.#environment;
    const directory =
      environment["TIDEWAY_MODEL_DIR"] || join(environment["SAGEMAKER_BASE_DIR"] || "/opt/ml", "model");
    try {
      await this.#load(directory);
    } catch (error) {
      const { message } = error as Error;
      const sentence = error instanceof InvalidModel ? message : `The model can not be loaded: ${message}`;
      // Whoever reads that needs the file's name, not where this machine keeps it.
      throw new Error(sentence.replaceAll(`${directory}/`, ""), { cause: error });
    }
  }

  /** Finishes what has begun, and takes nothing new. */
  async drain(): Promise<void> {
    await Promise.all([this.#server.drain(), this.#frames?.drain()]);
    await this.#model?.[Symbol.asyncDispose]();
  }

  async #listen(): Promise<void> {
    const environment = this.#environment;
    await this.#frames?.listen(environment["TIDEWAY_FRAMES_SOCKET"]!);
    const { http } = this.#server;
    const where = environment["TIDEWAY_SOCKET"]
      ? { path: environment["TIDEWAY_SOCKET"] }
      : {
          host: environment["TIDEWAY_BIND_HOST"] || "127.0.0.1",
          port: this.#wholeNumber("SAGEMAKER_BIND_TO_PORT", 8080, 65_535),
        };
    await new Promise<void>((resolve, reject) => {
      http.once("error", reject);
      http.listen(where, resolve);
    });
    const address = http.address();
    this.#settings.log(
      `Listening on ${typeof address === "string" ? address : `http://${address?.address}:${address?.port}`}`,
    );
  }

  async #load(directory: string): Promise<void> {
    const { log } = this.#settings;
    const begun = this.#clock.monotonic();
    const model = await loadModel(directory, this.#runtime(), this.#wholeNumber("TIDEWAY_THREADS", 1, 256));
    this.#model = model;
    // Without it a caller who asks for labels and probabilities would silently get scores.
    if (this.#environment["SAGEMAKER_INFERENCE_OUTPUT"])
      throw new InvalidModel(
        "SAGEMAKER_INFERENCE_OUTPUT (selectable inference) is not supported: remove it from the model's Environment.",
      );
    const loaded = this.#clock.monotonic();
    /** Undefined where nothing is said: then a test run decides. */
    const maxRows = this.#environment["TIDEWAY_MAX_BATCH_SIZE"]
      ? Math.max(1, this.#wholeNumber("TIDEWAY_MAX_BATCH_SIZE", USUAL_ROWS, 65_536))
      : undefined;
    const { merge, failure } = await warmUp(model, this.#clock, maxRows);
    if (failure) log(`The model did not run on made-up rows, and is served all the same: ${failure}`);
    const batching = {
      maxRows: merge ? (maxRows ?? USUAL_ROWS) : 1,
      maxDelayMs: this.#wholeNumber("TIDEWAY_MAX_BATCH_DELAY_MS", 0, 60_000),
    };
    const invocations = new Invocations(model, batching, this.#settings, this.#clock);
    this.#server.serve(invocations);
    this.#frames?.serve(invocations);
    const ran = this.#clock.monotonic();
    log(
      `Serving ${model.format} model of ${directory}: inputs ${model.inputs.map(describe).join(", ")}; outputs ${model.outputs.map(describe).join(", ")}; ` +
        `loaded in ${(loaded - begun).toFixed(1)} ms, first run ${(ran - loaded).toFixed(1)} ms; requests run ${merge ? "together" : "one by one"}`,
    );
  }

  #runtime(): ModelFormat | undefined {
    const name = this.#environment["TIDEWAY_RUNTIME"];
    if (!name) return undefined;
    if (name === "onnx" || name === "xgboost" || name === "lightgbm") return name;
    throw new InvalidModel(`TIDEWAY_RUNTIME is ${name}, and must be onnx, xgboost or lightgbm.`);
  }

  #wholeNumber(name: string, fallback: number, most: number): number {
    const written = this.#environment[name];
    if (!written) return fallback;
    const number = Number(written);
    if (Number.isInteger(number) && number >= 0 && number <= most) return number;
    throw new InvalidModel(`${name} is ${written}, and must be a whole number up to ${most}.`);
  }
}

function describe({ name, type, shape }: TensorInfo): string {
  return `${name} ${type}[${shape.join(", ")}]`;
}
