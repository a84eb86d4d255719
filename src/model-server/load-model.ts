import { open, readFile, readdir } from "node:fs/promises";
import { join } from "node:path";

import { InvalidModel, type Model, type ModelFormat } from "./model.ts";
import { loadOnnx } from "./onnx.ts";

/** Files that only their own framework can open, and only by running code that they hold. */
const NEEDS_CODE = /\.(pkl|pickle|joblib|pt|pth|h5|keras|pb|sav|dill|npz|safetensors|mar|bst|model)$/i;

const WANTED: Readonly<Record<ModelFormat, string>> = {
  onnx: "an ONNX file (model.onnx)",
  xgboost: "an XGBoost model (xgboost-model, *.json or *.ubj)",
  lightgbm: "a LightGBM text model (model.txt)",
};

/** What a model folder holds: its path and the file to load. */
interface Candidate {
  readonly file: string;
  readonly format: ModelFormat;
}

/** Finds the one model in a folder and loads it. `runtime` (from the image's name) narrows the choice. */
export async function loadModel(
  directory: string,
  runtime: ModelFormat | undefined,
  threads: number,
): Promise<Model> {
  const { file, format } = await findModel(directory, runtime);
  const path = join(directory, file);
  if (format === "onnx") return loadOnnx(path, threads);
  if (format === "xgboost") {
    const { loadXgboost } = await import("./trees/xgboost.ts");
    return loadXgboost(await readFile(path));
  }
  const { loadLightgbm } = await import("./trees/lightgbm.ts");
  return loadLightgbm(await readFile(path));
}

/** Chooses by file name, and by the first bytes where the name says too little. */
export async function findModel(directory: string, runtime?: ModelFormat): Promise<Candidate> {
  const entries = await readdir(directory, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    throw new InvalidModel(`The model folder ${directory} can not be read: ${error.code ?? error.message}.`);
  });
  const files = entries
    .filter((entry) => entry.isFile() && !entry.name.startsWith("."))
    .map((entry) => entry.name)
    .sort();
  const seen = list(entries.map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name)).sort());

  const candidates: Candidate[] = [];
  for (const file of files) {
    const format = await formatOf(join(directory, file), file);
    if (format && (!runtime || format === runtime)) candidates.push({ file, format });
  }
  const [only, second] = candidates;
  if (only && !second) return only;
  if (only)
    throw new InvalidModel(
      `The artifact holds several models (${list(candidates.map((one) => one.file))}); keep the one to serve. Files seen: ${seen}.`,
    );
  const opaque = files.filter((file) => NEEDS_CODE.test(file));
  if (opaque.length)
    throw new InvalidModel(
      `${list(opaque)} can only be opened by its own framework: the artifact needs code/inference.py (script mode), ` +
        `or the endpoint a container. Files seen: ${seen}.`,
    );
  const wanted = runtime ? WANTED[runtime] : Object.values(WANTED).join(" or ");
  throw new InvalidModel(
    `The artifact holds no model that can be served. Put ${wanted} at its top level. Files seen: ${seen || "none"}.`,
  );
}

async function formatOf(path: string, file: string): Promise<ModelFormat | undefined> {
  if (/\.onnx$/i.test(file)) return "onnx";
  if (/\.(txt|lgb)$/i.test(file)) return (await firstBytes(path)).startsWith("tree") ? "lightgbm" : undefined;
  if (file !== "xgboost-model" && !/\.(json|ubj|xgb|bin)$/i.test(file)) return undefined;
  const head = await firstBytes(path);
  // A pickle would run code when opened. AWS's training container wrote xgboost-model this way before version 1.3.
  if (head.startsWith("\x80"))
    throw new InvalidModel(
      `${file} is a Python pickle, which is never opened here. Load it where it was made and save it with booster.save_model("model.json").`,
    );
  const isXgboost = /^\s*\{/.test(head)
    ? head.includes("learner")
    : file === "xgboost-model" || head.startsWith("binf");
  return isXgboost ? "xgboost" : undefined;
}

async function firstBytes(path: string): Promise<string> {
  await using file = await open(path);
  const { buffer, bytesRead } = await file.read(Buffer.alloc(4096), 0, 4096, 0);
  return buffer.toString("latin1", 0, bytesRead);
}

/** A few names, and how many more there are: a FailureReason has 1,024 characters. */
function list(names: readonly string[]): string {
  const shown = names.slice(0, 8).join(", ");
  return names.length > 8 ? `${shown} and ${names.length - 8} more` : shown;
}
