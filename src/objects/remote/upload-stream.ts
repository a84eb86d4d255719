import type { CompletedPart, PutObjectCommandInput, S3Client } from "@aws-sdk/client-s3";

const PART = 8 << 20;

/** Uploads bytes of unknown length: small ones at once, others in parts; what fails leaves nothing behind. */
export async function uploadStream(
  client: S3Client,
  target: Pick<PutObjectCommandInput, "Bucket" | "Key" | "ContentType" | "IfNoneMatch">,
  body: AsyncIterable<Uint8Array> | Uint8Array,
): Promise<void> {
  const sdk = await import("@aws-sdk/client-s3");
  if (body instanceof Uint8Array) {
    await client.send(new sdk.PutObjectCommand({ ...target, Body: body }));
    return;
  }
  const parts = inParts(body);
  const first = await parts.next();
  if (first.done || first.value.byteLength < PART) {
    await client.send(new sdk.PutObjectCommand({ ...target, Body: first.value ?? new Uint8Array() }));
    return;
  }
  const { Bucket, Key, ContentType, IfNoneMatch } = target;
  const { UploadId } = await client.send(new sdk.CreateMultipartUploadCommand({ Bucket, Key, ContentType }));
  const upload = { Bucket, Key, UploadId };
  try {
    const Parts: CompletedPart[] = [];
    for (let step: IteratorResult<Uint8Array> = first; !step.done; step = await parts.next()) {
      const PartNumber = Parts.length + 1;
      const command = new sdk.UploadPartCommand({ ...upload, PartNumber, Body: step.value });
      const { $metadata: _, ...sums } = await client.send(command);
      Parts.push({ PartNumber, ...sums });
    }
    await client.send(
      new sdk.CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts }, IfNoneMatch }),
    );
  } catch (error) {
    await client.send(new sdk.AbortMultipartUploadCommand(upload)).catch(() => {});
    throw error;
  }
}

/** The bytes in pieces of the size of a part, the last one smaller. */
async function* inParts(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, undefined> {
  let pending: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body)
    for (let rest = chunk; rest.byteLength;) {
      const piece = rest.subarray(0, PART - size);
      rest = rest.subarray(piece.byteLength);
      pending.push(piece);
      size += piece.byteLength;
      if (size < PART) continue;
      yield Buffer.concat(pending);
      [pending, size] = [[], 0];
    }
  if (size) yield Buffer.concat(pending);
  return undefined;
}
