import type { AwsClients } from "./aws-clients.ts";

/** The bucket of what the command line uploads, made when it is missing; resolves with its name. */
export async function ownBucket(ports: {
  readonly aws: AwsClients;
  readonly accountId: string;
  readonly region: string;
  readonly signal: AbortSignal;
}): Promise<string> {
  const { sdk, client } = await ports.aws.s3();
  const bucket = `tideway-${ports.accountId}`;
  const abort = { abortSignal: ports.signal };
  await client.send(new sdk.HeadBucketCommand({ Bucket: bucket }), abort).catch(async (error: unknown) => {
    if (!(error instanceof Error) || error.name !== "NotFound") throw error;
    const elsewhere =
      ports.region === "us-east-1"
        ? {}
        : { CreateBucketConfiguration: { LocationConstraint: ports.region as never } };
    await client.send(new sdk.CreateBucketCommand({ Bucket: bucket, ...elsewhere }), abort);
  });
  return bucket;
}
