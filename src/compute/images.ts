/** What an image name runs here, where there are no images: a built-in server, a script server, or a user's command. */

export type BuiltinRuntime = "onnx" | "xgboost" | "lightgbm";

/** What an instance runs. */
export type Program =
  /** The built-in model server; without a runtime it looks at the artifact's files. */
  | { readonly kind: "builtin"; readonly runtime?: BuiltinRuntime }
  /** The artifact's own `code/inference.py`. */
  | { readonly kind: "script" }
  /** A program of the user; `{socket}`, `{port}` and `{model_dir}` in its arguments are filled in. */
  | { readonly kind: "command"; readonly argv: readonly string[] };

/** What an image name stands for before the artifact is seen: AWS's framework images run a script where there is one. */
export type Image = Program | { readonly kind: "framework"; readonly runtime?: BuiltinRuntime };

/** The names given with `tideway image add`. */
export interface ImageAliases {
  find(image: string): readonly string[] | undefined;
}

const OWN: Readonly<Record<string, Program>> = {
  "tideway/auto": { kind: "builtin" },
  "tideway/onnx": { kind: "builtin", runtime: "onnx" },
  "tideway/xgboost": { kind: "builtin", runtime: "xgboost" },
  "tideway/lightgbm": { kind: "builtin", runtime: "lightgbm" },
  "tideway/python": { kind: "script" },
};

/** The names that need no alias, for a list of images. */
export const OWN_IMAGES: readonly { readonly name: string; readonly kind: "builtin" | "script" }[] =
  Object.entries(OWN).map(([name, { kind }]) => ({ name, kind: kind === "script" ? kind : "builtin" }));

/** AWS's repositories whose contract is `model_fn` and its sisters, or whose artifact is a model file known here. */
const AWS: Readonly<Record<string, Image>> = {
  xgboost: { kind: "framework", runtime: "xgboost" },
  "sagemaker-xgboost": { kind: "framework", runtime: "xgboost" },
  "sagemaker-scikit-learn": { kind: "framework" },
  "pytorch-inference": { kind: "framework" },
  "pytorch-inference-graviton": { kind: "framework" },
  "sagemaker-pytorch": { kind: "framework" },
  "mxnet-inference": { kind: "framework" },
  "huggingface-pytorch-inference": { kind: "framework" },
};

const ECR =
  /^(?:\d{12}\.dkr\.ecr(?:-fips)?\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?\/)([a-z0-9._/-]+?)(?::[\w.-]+)?(?:@sha256:[0-9a-f]{64})?$/;
const NAME = /^([a-z0-9._/-]+?)(?::[\w.-]+)?$/;

/** What `image` stands for, or a sentence that says why nothing is known for it and what to do. */
export function resolveImage(image: string, aliases: ImageAliases): Image | string {
  const argv = aliases.find(image);
  if (argv) return { kind: "command", argv };
  const own = NAME.exec(image)?.[1];
  if (own && Object.hasOwn(OWN, own)) return OWN[own]!;
  const repository = ECR.exec(image)?.[1];
  if (repository && Object.hasOwn(AWS, repository)) return AWS[repository]!;
  return (
    `No program is known for the image ${image}. Use one of ${Object.keys(OWN).join(", ")}, ` +
    `an image of AWS's XGBoost, scikit-learn, PyTorch or Hugging Face PyTorch repositories, ` +
    `or run: tideway image add ${image} -- COMMAND`
  );
}

/** Settles what runs once the artifact's files are known; a sentence when the image can do nothing with them. */
export function chooseProgram(
  image: Image,
  name: string,
  files: readonly string[],
  environment: Readonly<Record<string, string>>,
  codeFiles?: readonly string[],
): Program | string {
  if (image.kind === "builtin" || image.kind === "command") return image;
  const program = environment["SAGEMAKER_PROGRAM"] ?? "inference.py";
  if (codeFiles)
    return codeFiles.includes(program)
      ? { kind: "script" }
      : `The code at ${environment["SAGEMAKER_SUBMIT_DIRECTORY"]} holds no ${program}. Put it there, or name another by SAGEMAKER_PROGRAM.`;
  const script = `code/${program}`;
  if (files.includes(script)) return { kind: "script" };
  const builtin = image.kind === "framework" && files.some((file) => BUILTIN_FILE.test(file));
  if (builtin) return { kind: "builtin", ...(image.runtime && { runtime: image.runtime }) };
  if (image.kind === "framework" && image.runtime) return { kind: "builtin", runtime: image.runtime };
  const shown = files.slice(0, 5).join(", ") + (files.length > 5 ? `, and ${files.length - 5} more` : "");
  return (
    `The image ${name} runs ${script} of the artifact, but the artifact ${shown ? `holds only ${shown}` : "is empty"}. ` +
    `Put ${script} with model_fn (and input_fn, predict_fn, output_fn where needed) into the archive, ` +
    `or export the model to ONNX and use tideway/onnx.`
  );
}

/** Files that the built-in model server can tell by their names. */
const BUILTIN_FILE = /^(xgboost-model|[^/]+\.(onnx|ubj|xgb|lgb)|model\.(json|txt))$/i;

/** For people: "builtin:xgboost", "script", "command: gunicorn ...". */
export function describeProgram(program: Program): string {
  if (program.kind === "command") return `command: ${program.argv.join(" ")}`;
  return program.kind === "builtin" ? `builtin:${program.runtime ?? "auto"}` : "script";
}
