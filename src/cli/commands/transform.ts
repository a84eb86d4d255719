import type { CreateTransformJobRequest, SplitType, TransformJobSummary } from "@aws-sdk/client-sagemaker";
import { systemClock } from "../../base/clock.ts";
import { AwsClients } from "../aws-clients.ts";
import { type Call, type Command, required, text } from "../command.ts";
import { connect } from "../connect.ts";
import { CliError } from "../exit-codes.ts";
import { PROGRAM } from "../program-name.ts";
import { wholeNumber } from "../program.ts";
import { age } from "../quantities.ts";
import { facts, printable, table } from "../table.ts";
import { TidewayApi } from "../tideway-api.ts";
import { progressLine, type TransformPorts, transformStyle, watchTransform } from "../transform-job.ts";

const SPLITS: Readonly<Record<string, SplitType>> = {
  none: "None",
  line: "Line",
  recordio: "RecordIO",
  tfrecord: "TFRecord",
};

export const transform: Command = {
  name: "transform",
  summary: "run a model over all objects of an S3 prefix, and write what it answers (batch transform)",
  options: [
    { flags: "--model <name>", summary: "model, as CreateModel or tideway deploy made it" },
    { flags: "--input <s3-uri>", summary: "prefix of the objects to read" },
    { flags: "--output <s3-uri>", summary: "where each object's output goes, as its name and .out" },
    { flags: "-n, --name <job>", summary: "job name (default: the model's and the time)" },
    { flags: "-t, --content-type <type>", summary: "of the input", default: "text/csv" },
    { flags: "--accept <type>", summary: "of the output (with a join: as the input)" },
    {
      flags: "--split <how>",
      summary: "how objects are cut into records",
      choices: Object.keys(SPLITS),
      default: "none",
    },
    { flags: "--join", summary: "write each record with what the model answered to it" },
    { flags: "--input-filter <path>", summary: "JSONPath of what the model gets of a record" },
    { flags: "--output-filter <path>", summary: "JSONPath of what is written of a record" },
    { flags: "--instance-type <type>", summary: "what each instance may use", default: "ml.m5.large" },
    { flags: "--instances <n>", summary: "how many", default: "1" },
    { flags: "--no-wait", summary: "do not wait until it has ended" },
  ],
  examples: [
    "tideway transform --model iris --input s3://data/in/ --output s3://data/out --split line",
    "tideway transform --model iris --input s3://data/in/ --output s3://data/out --split line --join --output-filter '$[0,-1]'",
    "tideway transform ls",
  ],
  async run(call) {
    const { terminal, options } = call;
    const name = text(options["name"]) ?? defaultName(given(call, "model"));
    const request = requestOf(call, name);
    const ports = await portsOf(call);
    const { sdk, client } = await ports.aws.sagemaker();
    const { TransformJobArn } = await client.send(new sdk.CreateTransformJobCommand(request), {
      abortSignal: call.signal,
    });
    if (options["wait"] === false)
      return terminal.result({ job: name, arn: TransformJobArn }, () => [
        `${name} has begun.`,
        `See how far it is with:  ${PROGRAM} transform describe ${name}`,
      ]);
    const { TransformJobStatus, FailureReason } = await watched(call, name, ports);
    if (TransformJobStatus !== "Completed")
      throw new CliError(
        "failure",
        `${name} is ${TransformJobStatus}: ${FailureReason ?? "it was stopped."}`,
      );
    const output = request.TransformOutput!.S3OutputPath;
    terminal.result({ job: name, arn: TransformJobArn, status: TransformJobStatus, output }, () => [
      `The output is in ${output}`,
    ]);
  },
};

export const transformLs: Command = {
  name: "transform ls",
  summary: "list transform jobs, newest first",
  async run(call) {
    const { sdk, client } = await new AwsClients(await connect(call)).sagemaker();
    const jobs: TransformJobSummary[] = [];
    for await (const page of sdk.paginateListTransformJobs({ client }, {}))
      jobs.push(...(page.TransformJobSummaries ?? []));
    const now = systemClock.now();
    call.terminal.result({ jobs }, () =>
      table(
        ["JOB", "STATUS", "AGE", "FAILURE"],
        jobs.map((job) => [
          job.TransformJobName ?? "",
          call.terminal.style(transformStyle(job.TransformJobStatus), job.TransformJobStatus ?? ""),
          age(job.CreationTime, now),
          printable(job.FailureReason ?? ""),
        ]),
      ),
    );
  },
};

export const transformDescribe: Command = {
  name: "transform describe",
  summary: "tell what a transform job does, and how far it is",
  args: [{ name: "<job>", summary: "job name" }],
  async run(call) {
    await describeTransform(call, required(call.args[0]));
  },
};

export const transformStop: Command = {
  name: "transform stop",
  summary: "stop a transform job, and wait until it has stopped",
  args: [{ name: "<job>", summary: "job name" }],
  async run(call) {
    const name = required(call.args[0]);
    const ports = await portsOf(call);
    const status = await stop(name, ports);
    call.terminal.result({ job: name, status }, () => []);
  },
};

/** All that is known of a job, for `tideway describe` too. */
export async function describeTransform(call: Call, name: string): Promise<void> {
  const { aws, api, terminal, signal } = await portsOf(call);
  const { sdk, client } = await aws.sagemaker("none");
  const job = await client.send(new sdk.DescribeTransformJobCommand({ TransformJobName: name }), {
    abortSignal: signal,
  });
  const progress = await api.transformJob(name, signal);
  const { TransformInput, TransformOutput, TransformResources, DataProcessing } = job;
  terminal.result({ job, progress }, () => [
    ...facts([
      ["Transform job", terminal.style("bold", name)],
      ["Status", terminal.style(transformStyle(job.TransformJobStatus), job.TransformJobStatus ?? "")],
      ["Progress", progressLine(progress)],
      ["Failure", job.FailureReason && printable(job.FailureReason)],
      ["ARN", job.TransformJobArn],
      ["Model", job.ModelName],
      ["Input", TransformInput?.DataSource?.S3DataSource?.S3Uri],
      ["Output", TransformOutput?.S3OutputPath],
      ["Instances", `${TransformResources?.InstanceCount} x ${TransformResources?.InstanceType}`],
      ["Split", TransformInput?.SplitType],
      ["Join", DataProcessing?.JoinSource],
      ["Input filter", DataProcessing?.InputFilter],
      ["Output filter", DataProcessing?.OutputFilter],
      ["Created", job.CreationTime?.toISOString()],
      ["Begun", job.TransformStartTime?.toISOString()],
      ["Ended", job.TransformEndTime?.toISOString()],
    ]),
  ]);
}

/** Ctrl-C leaves the job alone, unless somebody is there to say that it is to stop. */
async function watched(call: Call, name: string, ports: TransformPorts) {
  const { terminal, signal } = call;
  try {
    return await watchTransform(name, ports);
  } catch (error) {
    if (!signal.aborted) throw error;
    const answer = await call.ask?.(`Stop ${name}? [y/N] `);
    if (/^y(es)?$/i.test(answer?.trim() ?? "")) await stop(name, ports);
    else terminal.note(`${name} goes on. Stop it with:  ${PROGRAM} transform stop ${name}`);
    throw error;
  }
}

/** What it had come to when it ended. */
async function stop(name: string, ports: TransformPorts): Promise<string | undefined> {
  const { sdk, client } = await ports.aws.sagemaker();
  await client.send(new sdk.StopTransformJobCommand({ TransformJobName: name }));
  // the command's own signal may have been given already
  const { TransformJobStatus } = await watchTransform(name, {
    ...ports,
    signal: AbortSignal.timeout(STOP_MS),
  });
  return TransformJobStatus;
}

/** AWS stops a job within minutes, Tideway within seconds. */
const STOP_MS = 60_000;

async function portsOf(call: Call): Promise<TransformPorts> {
  const connection = await connect(call);
  const { terminal, signal } = call;
  return {
    aws: new AwsClients(connection),
    api: new TidewayApi(connection),
    terminal,
    clock: systemClock,
    signal,
  };
}

function requestOf(call: Call, name: string): CreateTransformJobRequest {
  const { options } = call;
  const contentType = required(options["contentType"]);
  const split = SPLITS[required(options["split"])]!;
  const filters = {
    ...(text(options["inputFilter"]) !== undefined && { InputFilter: text(options["inputFilter"]) }),
    ...(text(options["outputFilter"]) !== undefined && { OutputFilter: text(options["outputFilter"]) }),
    ...(options["join"] === true && { JoinSource: "Input" as const }),
  };
  const rows = filters.JoinSource !== undefined || filters.OutputFilter !== undefined;
  const accept = text(options["accept"]) ?? (rows ? contentType : undefined);
  return {
    TransformJobName: name,
    ModelName: given(call, "model"),
    TransformInput: {
      DataSource: { S3DataSource: { S3DataType: "S3Prefix", S3Uri: given(call, "input") } },
      ContentType: contentType,
      SplitType: split,
    },
    TransformOutput: {
      S3OutputPath: given(call, "output"),
      AssembleWith: split === "Line" ? "Line" : "None",
      ...(accept !== undefined && { Accept: accept }),
    },
    TransformResources: {
      InstanceType: required(options["instanceType"]) as "ml.m5.large",
      InstanceCount: wholeNumber(options["instances"], "--instances", 1, 100),
    },
    ...(Object.keys(filters).length > 0 && { DataProcessing: filters }),
  };
}

/** The parser can not ask for these: `transform ls` and its like would have to give them, too. */
function given({ options }: Call, name: "model" | "input" | "output"): string {
  const value = text(options[name]);
  if (value === undefined) throw new CliError("usage", `tideway transform needs --${name}.`);
  return value;
}

function defaultName(model: string): string {
  const time = new Date(systemClock.now()).toISOString().slice(0, 19).replaceAll(/[T:]/g, "-");
  return `${model.slice(0, 62 - time.length)}-${time}`;
}
