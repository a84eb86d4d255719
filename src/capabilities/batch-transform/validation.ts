/** Refuses a job that can not be run, so that nothing is stored that fails later for a reason known now. */
import type { CreateTransformJobRequest } from "@aws-sdk/client-sagemaker";
import { parseS3Uri } from "../../objects/object-store.ts";
import { invalid, unsupported } from "../../sagemaker/errors.ts";
import { InvalidRecordSettings, RecordPlan } from "./records/record-plan.ts";
import { MOST_MB } from "./settings.ts";

const MOST_INSTANCES = 100;

/** Throws a ValidationException. */
export function checkJob(job: CreateTransformJobRequest): void {
  const { TransformInput: input, TransformOutput: output, TransformResources: resources } = job;
  const source = input!.DataSource!.S3DataSource!;
  if (source.S3DataType !== "S3Prefix" && source.S3DataType !== "ManifestFile")
    throw unsupported("S3DataType", `${source.S3DataType} as the input of a transform job`);
  if (!parseS3Uri(source.S3Uri!)) throw wrongUri("S3Uri", "s3://bucket/prefix", source.S3Uri!);
  if (source.S3DataType === "ManifestFile" && !parseS3Uri(source.S3Uri!)!.key)
    throw wrongUri("S3Uri", "s3://bucket/key of a manifest", source.S3Uri!);
  if (!parseS3Uri(output!.S3OutputPath!))
    throw wrongUri("S3OutputPath", "s3://bucket/prefix", output!.S3OutputPath!);
  if (job.DataCaptureConfig && !parseS3Uri(job.DataCaptureConfig.DestinationS3Uri!))
    throw wrongUri("DestinationS3Uri", "s3://bucket/prefix", job.DataCaptureConfig.DestinationS3Uri!);
  if (resources!.InstanceCount! > MOST_INSTANCES)
    throw invalid(`InstanceCount can not be greater than ${MOST_INSTANCES}.`);
  for (const [member, type] of [
    ["ContentType", input!.ContentType],
    ["Accept", output!.Accept],
  ])
    if (type !== undefined && !/^[\x20-\x7e]*$/.test(type))
      throw invalid(`${member} goes to the container as a header, and may hold visible ASCII only.`);
  checkPayload(job);
  checkRecords(job);
}

/** AWS's limits, from CreateTransformJob's documentation. */
function checkPayload({ MaxPayloadInMB, MaxConcurrentTransforms }: CreateTransformJobRequest): void {
  if (MaxPayloadInMB !== undefined && MaxPayloadInMB > MOST_MB)
    throw invalid(`MaxPayloadInMB cannot be greater than ${MOST_MB} MB, and is ${MaxPayloadInMB}.`);
  if (MaxConcurrentTransforms === undefined) return;
  const product = MaxConcurrentTransforms * (MaxPayloadInMB ?? 6);
  if (product > MOST_MB)
    throw invalid(
      `MaxConcurrentTransforms * MaxPayloadInMB cannot be greater than ${MOST_MB} MB, and is ${product} MB.`,
    );
}

/** The plan that a job would have tells whether it can have one. */
function checkRecords(job: CreateTransformJobRequest): RecordPlan {
  const split = job.TransformInput!.SplitType ?? "None";
  if (job.BatchStrategy === "SingleRecord" && split === "None")
    throw invalid("BatchStrategy SingleRecord needs a SplitType of Line, RecordIO or TFRecord.");
  try {
    return new RecordPlan({
      input: job.TransformInput!,
      output: job.TransformOutput!,
      processing: job.DataProcessing,
      strategy: job.BatchStrategy ?? "MultiRecord",
      payloadBytes: (job.MaxPayloadInMB ?? 6) * 2 ** 20,
      ...(job.DataCaptureConfig?.GenerateInferenceId && { stamp: () => ({ id: "", time: "" }) }),
    });
  } catch (error) {
    if (error instanceof InvalidRecordSettings) throw invalid(error.message);
    throw error;
  }
}

const wrongUri = (member: string, form: string, uri: string) =>
  invalid(`${member} must have the form ${form}, not ${uri}.`);
