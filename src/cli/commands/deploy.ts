import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../base/clock.ts";
import { AwsClients } from "../aws-clients.ts";
import { type Call, type Command, required, text } from "../command.ts";
import { connect } from "../connect.ts";
import { deployEndpoint } from "../deployment.ts";
import { CliError } from "../exit-codes.ts";
import { isArchive, modelFiles, pack } from "../model-package.ts";
import { PROGRAM } from "../program-name.ts";
import { wholeNumber } from "../program.ts";
import { invokeLine } from "../sample-input.ts";
import { TidewayApi } from "../tideway-api.ts";

export const deploy: Command = {
  name: "deploy",
  summary: "put a model behind an endpoint: upload, create (or update), wait until it serves",
  args: [{ name: "<path>", summary: "model file, folder, model.tar.gz, or s3:// address of one" }],
  options: [
    { flags: "-n, --name <endpoint>", summary: "endpoint name", required: true },
    { flags: "--instance-type <type>", summary: "what each instance may use", default: "ml.m5.large" },
    { flags: "--instances <n>", summary: "how many", default: "1" },
    {
      flags: "--image <name>",
      summary: "image (default: the built-in model server, or Python where there is code/inference.py)",
    },
    { flags: "-e, --env <K=V>", summary: "environment variable of the model (repeat for more)", many: true },
    {
      flags: "--serverless <MB>",
      summary:
        "no instances: workers of so much memory (1024, 2048 ... 6144) come with requests and go without",
    },
    { flags: "--max-concurrency <n>", summary: "with --serverless: how many workers at most", default: "5" },
    { flags: "--async", summary: "take asynchronous requests (InvokeEndpointAsync), and no others" },
    { flags: "--no-wait", summary: "do not wait until it serves" },
    { flags: "--timeout <seconds>", summary: "how long to wait", default: "900" },
  ],
  examples: [
    "tideway deploy model.onnx --name iris",
    "tideway deploy ./my-model --name churn --instances 2",
    "tideway deploy model.onnx --name now-and-then --serverless 2048",
  ],
  async run(call) {
    const { options, terminal, signal } = call;
    const [path, endpoint] = [required(call.args[0]), required(options["name"])];
    const spec = {
      endpoint,
      instanceType: required(options["instanceType"]),
      instances: wholeNumber(options["instances"], "--instances", 1, 1000),
      environment: environment(options["env"]),
      async: options["async"] === true,
      ...(options["serverless"] !== undefined && {
        serverless: {
          memoryMiB: wholeNumber(options["serverless"], "--serverless", 1024, 6144),
          maxConcurrency: wholeNumber(options["maxConcurrency"], "--max-concurrency", 1, 200),
        },
      }),
      waitMs:
        options["wait"] === false
          ? undefined
          : wholeNumber(options["timeout"], "--timeout", 1, 86_400) * 1000,
    };
    const remote = path.startsWith("s3://");
    const ready = remote || isArchive(path);
    if (ready && !remote && !(await stat(path).catch(() => undefined))?.isFile())
      throw new CliError("notFound", `There is no file ${path}.`);
    const files = ready ? [] : await modelFiles(path);
    const connection = await connect(call);
    const api = new TidewayApi(connection);
    const script = files.some((file) => file.path === "code/inference.py");
    const image = text(options["image"]) ?? (await defaultImage(api, script));
    const folder = await mkdtemp(join(tmpdir(), "tideway-deploy-"));
    try {
      const model = remote ? path : await pack(ready ? path : files, join(folder, "model.tar.gz"));
      const ports = { ...connection, aws: new AwsClients(connection), terminal, clock: systemClock, signal };
      const { config, status } = await deployEndpoint({ ...spec, image, model }, ports);
      const next = await invokeLine(endpoint, files, spec.async);
      terminal.result({ endpoint, config, status, url: connection.url, invoke: next }, () =>
        status === undefined
          ? `See how it comes up with:  ${PROGRAM} describe ${endpoint}${dataFlag(call)}`
          : `Try it:  ${next}${dataFlag(call)}`,
      );
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
};

/** The server knows what its images are called. */
async function defaultImage(api: TidewayApi, script: boolean): Promise<string> {
  const kind = script ? "script" : "builtin";
  const found = (await api.images()).find((image) => image.kind === kind);
  if (!found) throw new CliError("failure", `The server has no ${kind} image; name one with --image.`);
  return found.name;
}

function environment(given: unknown): Record<string, string> {
  const pairs = Array.isArray(given) ? (given as readonly string[]) : [];
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf("=");
      if (at < 1) throw new CliError("usage", `--env takes NAME=VALUE, not "${pair}".`);
      return [pair.slice(0, at), pair.slice(at + 1)];
    }),
  );
}

function dataFlag({ options }: Call): string {
  const data = text(options["data"]);
  return data === undefined ? "" : ` --data '${data}'`;
}
