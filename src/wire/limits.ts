/** How long the bodies of requests may be. */
const MIB = 1 << 20;
const S3_OBJECT = 5 * 1024 * MIB;

/** Bytes that a real-time invocation may carry. */
export const INVOCATION_LIMIT = 6_291_456;

/** All that is not a file or an invocation. */
export const DEFAULT_LIMIT = MIB;

/** A form, before it is known which operation it calls. */
export const FORM_LIMIT = 4 * MIB;

/** By operation. */
export const LIMITS: Readonly<Record<string, number>> = {
  InvokeEndpoint: INVOCATION_LIMIT,
  InvokeEndpointWithResponseStream: INVOCATION_LIMIT,
  InvokeEndpointAsync: 128_000,
  PutObject: S3_OBJECT,
  UploadPart: S3_OBJECT,
  // lists of 10,000 parts, or 1,000 keys of 1,024 bytes, outgrow a mebibyte
  CompleteMultipartUpload: 4 * MIB,
  DeleteObjects: 4 * MIB,
  // a message has up to a mebibyte; escaped as JSON or as a form, three times as much
  SendMessage: FORM_LIMIT,
  SendMessageBatch: FORM_LIMIT,
};
