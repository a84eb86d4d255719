import type { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";

import {
  InvalidInput,
  InvalidModel,
  type Model,
  type Tensor,
  type TensorInfo,
  type TensorType,
} from "./model.ts";

const TYPES: ReadonlySet<string> = new Set<TensorType>([
  "float32",
  "float64",
  "int8",
  "uint8",
  "int16",
  "uint16",
  "int32",
  "uint32",
  "int64",
  "uint64",
  "bool",
  "string",
]);

/** Loads an ONNX file with onnxruntime. The file is read from its own folder, where external weights must lie too. */
export async function loadOnnx(path: string, threads: number): Promise<Model> {
  // Imported here and not above: the library takes most of an instance's start, and tree models do without it.
  const ort = await import("onnxruntime-node");
  let session: InferenceSession;
  try {
    session = await ort.InferenceSession.create(path, {
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      executionMode: "sequential",
      // Only what ends the process: every other error is thrown as well.
      logSeverityLevel: 4,
      // Spinning threads burn the cores that other instances need.
      extra: { session: { intra_op: { allow_spinning: "0" } } },
    });
  } catch (error) {
    throw new InvalidModel(`ONNX Runtime can not load the model: ${sentence(error)}`);
  }
  try {
    const inputs = session.inputMetadata.map((one) => tensorInfo("input", one));
    const outputs = session.outputMetadata.map((one) => tensorInfo("output", one));
    return new OnnxModel(session, ort.Tensor, inputs, outputs);
  } catch (error) {
    await session.release();
    throw error;
  }
}

class OnnxModel implements Model {
  readonly format = "onnx";
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  readonly #session: InferenceSession;
  readonly #tensor: typeof OrtTensor;

  constructor(
    session: InferenceSession,
    tensor: typeof OrtTensor,
    inputs: readonly TensorInfo[],
    outputs: readonly TensorInfo[],
  ) {
    this.#session = session;
    this.#tensor = tensor;
    this.inputs = inputs;
    this.outputs = outputs;
  }

  async run(inputs: ReadonlyMap<string, Tensor>): Promise<readonly Tensor[]> {
    for (const name of inputs.keys())
      if (!this.inputs.some((info) => info.name === name))
        throw new InvalidInput(
          `The model has no input '${name}'. Its inputs are ${this.inputs.map((info) => info.name).join(", ")}.`,
        );
    const feeds: Record<string, OrtTensor> = {};
    for (const info of this.inputs) {
      const given = inputs.get(info.name);
      if (!given) throw new InvalidInput(`The request does not give the model's input '${info.name}'.`);
      if (given.type !== info.type)
        throw new InvalidInput(`Input '${info.name}' is ${given.type}, but the model takes ${info.type}.`);
      feeds[info.name] = new this.#tensor(given.type as "float32", given.data as Float32Array, given.shape);
    }
    let results: InferenceSession.OnnxValueMapType;
    try {
      results = await this.#session.run(feeds);
    } catch (error) {
      const reason = sentence(error);
      if (/invalid dimensions|invalid rank|unexpected input data type/i.test(reason))
        throw new InvalidInput(`The request does not fit the model: ${reason}`);
      throw new Error(`The model failed on this request: ${reason}`, { cause: error });
    }
    return this.outputs.map(({ name, type }) => {
      const { data, dims } = results[name] as OrtTensor;
      return { name, type, shape: dims, data };
    });
  }

  /** Without this a session's memory is never given back: 3,000 loads grew a process from 94 to 557 MB. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#session.release();
  }
}

function tensorInfo(side: "input" | "output", metadata: InferenceSession.ValueMetadata): TensorInfo {
  const { name } = metadata;
  if (!metadata.isTensor)
    throw new InvalidModel(
      `The model's ${side} '${name}' is not a tensor but a sequence or map. ` +
        "A scikit-learn classifier is converted to tensors with options={'zipmap': False}.",
    );
  if (!TYPES.has(metadata.type))
    throw new InvalidModel(
      `The model's ${side} '${name}' is of type ${metadata.type}, which requests can not carry. ` +
        "Convert the model so that its inputs and outputs are float32 (keep_io_types=True for float16 converters).",
    );
  return {
    name,
    type: metadata.type as TensorType,
    shape: metadata.shape.map((size) => (typeof size === "number" ? size : -1)),
  };
}

/** ONNX Runtime's own words in one line. */
function sentence(error: unknown): string {
  return (error instanceof Error ? error.message : String(error))
    .replaceAll(/\s+/g, " ")
    .trim()
    .slice(0, 1000);
}
