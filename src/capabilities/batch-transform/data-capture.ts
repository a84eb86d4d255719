/** What DataCaptureConfig of a job leaves behind: lists of the objects that went in and came out, in AWS's form. */
import { createHash } from "node:crypto";
import { type PartStore, parseS3Uri } from "../../objects/object-store.ts";
import type { Resource } from "../../state/resource.ts";
import { type InputObject, type InputObjects, outputPlace } from "./input-objects.ts";
import type { JobTable } from "./job-table.ts";
import type { TransformJobSpec, TransformStatus } from "./kinds.ts";
import type { Stamp } from "./records/row-format.ts";

type Job = Resource<TransformJobSpec, TransformStatus>;

const PAGE = 1_000;

/** What GenerateInferenceId adds to a record: the same whenever the record is done again. */
export function stampOf(
  { uid, spec, status }: Job,
  { key }: InputObject,
): ((record: number) => Stamp) | undefined {
  if (!spec.request.DataCaptureConfig?.GenerateInferenceId) return undefined;
  const time = new Date(status.startedAt ?? 0).toISOString();
  return (record) => ({ id: uuidOf(`${uid}\n${key}\n${record}`), time });
}

/**
 * `DestinationS3Uri/{input,output}/yyyy/mm/dd/hh/<uuid>.json`, each a manifest of what is there of the job:
 * docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture-batch.html
 */
export async function writeCapture(
  job: Job,
  input: InputObjects,
  objects: PartStore,
  table: JobTable,
  signal: AbortSignal,
): Promise<void> {
  const { DataCaptureConfig } = job.spec.request;
  if (!DataCaptureConfig) return;
  const { bucket, key } = parseS3Uri(DataCaptureConfig.DestinationS3Uri!)!;
  const folder = key.replace(/\/+$/, "");
  const hour = new Date(job.status.startedAt ?? 0).toISOString().slice(0, 13).replace(/[-T]/g, "/");
  const output = outputPlace(job.spec.request, "");
  const cut = parseS3Uri(input.prefix)!.key.length;
  for (const [side, prefix, nameOf] of [
    ["input", input.prefix, (name: string) => name.slice(cut)],
    ["output", `s3://${output.bucket}/${output.key}`, (name: string) => `${input.relative(name)}.out`],
  ] as const) {
    signal.throwIfAborted();
    const name = [folder, side, hour, `${uuidOf(`${job.uid} ${side}`)}.json`].filter(Boolean).join("/");
    const lines = manifest(table, job.uid, prefix, nameOf);
    await objects.put(bucket, name, lines, { contentType: "application/json" });
  }
}

async function* manifest(
  table: JobTable,
  job: string,
  prefix: string,
  nameOf: (key: string) => string,
): AsyncGenerator<Uint8Array> {
  yield Buffer.from(`[${JSON.stringify({ prefix })}`);
  for (let after = ""; ;) {
    const keys = table.doneKeys(job, after, PAGE);
    if (!keys.length) break;
    yield Buffer.from(keys.map((key) => `,\n${JSON.stringify(nameOf(key))}`).join(""));
    after = keys.at(-1)!;
  }
  yield Buffer.from("]\n");
}

/** A UUID that follows from a text. */
function uuidOf(text: string): string {
  const hex = createHash("sha256").update(text).digest("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
