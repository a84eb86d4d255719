import { type ChildProcess, execFile, fork } from "node:child_process";
import { once } from "node:events";
import { createReadStream } from "node:fs";
import { copyFile, mkdir, mkdtemp, open, rm } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { DataProcessing } from "@aws-sdk/client-sagemaker";
import { environment } from "../peers/environment.ts";
import { residentBytes, roleOf } from "../processes.ts";
import type { Bench, Row } from "../row.ts";
import { median, spread } from "../statistics.ts";
import { distinctRows, type Subject } from "../subject.ts";

const MODEL = "batch";
const CORES = availableParallelism();
const SPLIT_AND_PARSE = fileURLToPath(new URL("../split-and-parse.ts", import.meta.url));
const PEERS = fileURLToPath(new URL("../peers", import.meta.url));
const SCRIPT_SERVER = fileURLToPath(new URL("../../python/tideway_script_server", import.meta.url));
const run = promisify(execFile);
const JOIN: DataProcessing = { JoinSource: "Input", OutputFilter: "$[0,-1]" };
/** Looking takes time of the cores that are measured. */
const LOOK_MS = 250;

/** Transform jobs over CSV of 30 columns, from their creation to their end, with an instance per core. */
export async function batchRows({ subject, quick, note }: Bench): Promise<Row[]> {
  const [bytes, objects, rounds] = quick ? [100e6, 1000, 2] : [1e9, 10_000, 3];
  const folder = await mkdtemp(join(tmpdir(), "tideway-bench-"));
  try {
    const file = join(folder, "rows.csv");
    const size = await writeRows(file, bytes);
    await upload(subject, "large/rows.csv", file, 0, size);
    const starts = await lineStarts(file, objects, size);
    for (let index = 0; index < objects; index++)
      await upload(
        subject,
        `small/${String(index).padStart(5, "0")}.csv`,
        file,
        starts[index]!,
        starts[index + 1]!,
      );
    await createModel(subject, MODEL, "tideway/auto", subject.modelUrl);
    const rates = {
      plain: [] as number[],
      parsed: [] as number[],
      joined: [] as number[],
      many: [] as number[],
    };
    const memory: number[] = [];
    for (let round = 0; round < rounds; round++) {
      rates.parsed.push(await splitAndParse(file, size));
      const plain = await transform(subject, "large", size);
      rates.plain.push(plain.rate);
      memory.push(plain.megabytes);
      rates.joined.push((await transform(subject, "large", size, JOIN)).rate);
      rates.many.push((await transform(subject, "small", size)).rate);
      note(`batch: round ${round + 1} of ${rounds}`);
    }
    const volume = quick ? "100 MB" : "1 GB";
    return [
      {
        name: `Batch transform of ${volume} of CSV, ${CORES} instances`,
        unit: "MB/s",
        tideway: median(rates.plain),
        baseline: median(rates.parsed),
        against: "the same code that only splits and parses",
        spread: [spread(rates.plain), spread(rates.parsed)],
        goal: { of: "ratio", atLeast: 0.6 },
      },
      {
        name: `Batch transform of ${volume} of CSV: peak memory of control and instances`,
        unit: "MB",
        tideway: median(memory),
        spread: [spread(memory)],
        goal: { of: "value", atMost: 512 },
      },
      {
        name: `Batch transform of ${volume} of CSV with JoinSource and OutputFilter`,
        unit: "MB/s",
        tideway: median(rates.joined),
        baseline: median(rates.plain),
        against: "the same job without",
        spread: [spread(rates.joined), spread(rates.plain)],
        goal: { of: "ratio", atLeast: 0.7 },
      },
      {
        name: `Batch transform of ${volume} of CSV in ${objects} objects`,
        unit: "MB/s",
        tideway: median(rates.many),
        baseline: median(rates.plain),
        against: "the same bytes in one object",
        spread: [spread(rates.many), spread(rates.plain)],
        goal: { of: "ratio", atLeast: 0.5 },
      },
      ...(await scikitLearnRow(subject, folder, quick ? 20e6 : 100e6, note)),
    ];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** At least so many bytes of rows; how many they are. */
async function writeRows(path: string, bytes: number): Promise<number> {
  const block = Buffer.from(`${(await distinctRows(10_000)).join("\n")}\n`);
  const file = await open(path, "w");
  let size = 0;
  for (; size < bytes; size += block.length) await file.write(block);
  await file.close();
  return size;
}

/** Where `count` pieces of about the same size begin, each with a line, and the last one ends. */
async function lineStarts(path: string, count: number, size: number): Promise<number[]> {
  const file = await open(path);
  const starts = [0];
  const line = Buffer.alloc(1024);
  for (let index = 1; index < count; index++) {
    const near = Math.floor((size * index) / count);
    await file.read(line, 0, line.length, near);
    starts.push(near + line.indexOf("\n") + 1);
  }
  await file.close();
  return [...starts, size];
}

async function upload(
  subject: Subject,
  key: string,
  file: string,
  start: number,
  end: number,
): Promise<void> {
  const { sdk, client } = await subject.aws.s3();
  const Body = createReadStream(file, { start, end: end - 1 });
  await client.send(
    new sdk.PutObjectCommand({ Bucket: "bench", Key: key, Body, ContentLength: end - start }),
  );
}

async function createModel(
  subject: Subject,
  ModelName: string,
  Image: string,
  ModelDataUrl: string,
): Promise<void> {
  const { sdk, client } = await subject.aws.sagemaker();
  const ExecutionRoleArn = `arn:aws:iam::${subject.connection.accountId}:role/bench`;
  const PrimaryContainer = { Image, ModelDataUrl };
  await client.send(new sdk.CreateModelCommand({ ModelName, ExecutionRoleArn, PrimaryContainer }));
}

let jobs = 0;

/** Megabytes per second from the creation of a job to its end, and the most memory that it took meanwhile. */
async function transform(
  subject: Subject,
  prefix: string,
  bytes: number,
  processing?: DataProcessing,
  ModelName = MODEL,
): Promise<{ readonly rate: number; readonly megabytes: number }> {
  const { sdk, client } = await subject.aws.sagemaker();
  const name = `${prefix}-${jobs++}`;
  const before = new Set(subject.pids());
  let peak = 0;
  const look = () => {
    const pids = subject.pids().filter((pid) => !before.has(pid) || roleOf(pid) === "control");
    peak = Math.max(
      peak,
      pids.reduce((sum, pid) => sum + resident(pid), 0),
    );
  };
  const looking = setInterval(look, LOOK_MS);
  const start = performance.now();
  await client.send(
    new sdk.CreateTransformJobCommand({
      TransformJobName: name,
      ModelName,
      TransformInput: {
        DataSource: { S3DataSource: { S3DataType: "S3Prefix", S3Uri: `s3://bench/${prefix}/` } },
        ContentType: "text/csv",
        SplitType: "Line",
      },
      TransformOutput: { S3OutputPath: `s3://bench/out/${name}`, Accept: "text/csv", AssembleWith: "Line" },
      TransformResources: { InstanceType: "ml.m5.large", InstanceCount: CORES },
      ...(processing && { DataProcessing: processing }),
    }),
  );
  for (;;) {
    const { TransformJobStatus, FailureReason } = await client.send(
      new sdk.DescribeTransformJobCommand({ TransformJobName: name }),
    );
    if (TransformJobStatus === "Completed") break;
    if (TransformJobStatus !== "InProgress")
      throw new Error(`${name} is ${TransformJobStatus}: ${FailureReason}`);
  }
  const seconds = (performance.now() - start) / 1000;
  clearInterval(looking);
  return { rate: bytes / 1e6 / seconds, megabytes: peak / 1e6 };
}

/** The SageMaker way, beside what people write in place of it; no row where scikit-learn does not install. */
async function scikitLearnRow(
  subject: Subject,
  folder: string,
  bytes: number,
  note: Bench["note"],
): Promise<Row[]> {
  const python = await environment({ requirements: "scikit-learn" });
  if ("missing" in python) {
    note(`batch: no row of scikit-learn, ${python.missing}`);
    return [];
  }
  const program = join(python.bin, "python");
  const [rows, model] = [join(folder, "sklearn.csv"), join(folder, "model")];
  const size = await writeRows(rows, bytes);
  await mkdir(join(model, "code"), { recursive: true });
  await copyFile(join(PEERS, "sklearn_inference.py"), join(model, "code/inference.py"));
  await run(program, [join(PEERS, "sklearn_process.py"), "train", rows, join(model, "model.joblib")]);
  await subject.addImage("bench-sklearn", [program, "-u", SCRIPT_SERVER]);
  await createModel(subject, "sklearn", "bench-sklearn", await subject.uploadModel("sklearn", model));
  await upload(subject, "sklearn/rows.csv", rows, 0, size);
  const rates = { job: [] as number[], process: [] as number[] };
  for (let round = 0; round < 3; round++) {
    const start = performance.now();
    const words = ["predict", join(model, "model.joblib"), rows, join(folder, "scores.csv")];
    await run(program, [join(PEERS, "sklearn_process.py"), ...words]);
    rates.process.push(size / 1e3 / (performance.now() - start));
    rates.job.push((await transform(subject, "sklearn", size, undefined, "sklearn")).rate);
  }
  note("batch: 3 rounds of scikit-learn");
  return [
    {
      name: `Batch transform of ${Math.round(bytes / 1e6)} MB of CSV, scikit-learn in script mode, ${CORES} instances`,
      unit: "MB/s",
      tideway: median(rates.job),
      baseline: median(rates.process),
      against: "pandas and predict in one Python process",
      spread: [spread(rates.job), spread(rates.process)],
    },
  ];
}

function resident(pid: number): number {
  try {
    return residentBytes(pid) || 0;
  } catch {
    return 0; // It has ended.
  }
}

/** Megabytes per second of a process per core, each with its part of the file, from their start to their end. */
async function splitAndParse(file: string, size: number): Promise<number> {
  const starts = await lineStarts(file, CORES, size);
  const begun = performance.now();
  const children: ChildProcess[] = [];
  for (let core = 0; core < CORES; core++)
    children.push(fork(SPLIT_AND_PARSE, [file, String(starts[core]), String(starts[core + 1])]));
  const ends = await Promise.all(children.map((child) => once(child, "exit")));
  if (ends.some(([code]) => code !== 0)) throw new Error("The baseline of batch transform failed.");
  return size / 1e6 / ((performance.now() - begun) / 1000);
}
