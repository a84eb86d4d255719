/** S3's errors in S3's words. https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html */
import { Fault } from "../../wire/http.ts";

export const noSuchBucket = (BucketName: string) =>
  new Fault("NoSuchBucket", "The specified bucket does not exist", 404, { BucketName });

export const noSuchKey = (Key: string) =>
  new Fault("NoSuchKey", "The specified key does not exist.", 404, { Key });

/** What HEAD answers: its clients see the status only. */
export const notFound = () => new Fault("NotFound", "Not Found", 404);

export const noSuchUpload = (UploadId: string) =>
  new Fault(
    "NoSuchUpload",
    "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.",
    404,
    { UploadId },
  );

export const invalidArgument = (message: string, ArgumentName: string, ArgumentValue: string) =>
  new Fault("InvalidArgument", message, 400, { ArgumentName, ArgumentValue });

export const invalidRequest = (message: string) => new Fault("InvalidRequest", message, 400);

export const preconditionFailed = (Condition: string) =>
  new Fault("PreconditionFailed", "At least one of the pre-conditions you specified did not hold", 412, {
    Condition,
  });

export const notModified = () => new Fault("NotModified", "Not Modified", 304);

export const badDigest = (message: string) => new Fault("BadDigest", message, 400);

export const malformedXml = () =>
  new Fault(
    "MalformedXML",
    "The XML you provided was not well-formed or did not validate against our published schema",
    400,
  );

export const notImplemented = (Header: string) =>
  new Fault("NotImplemented", "A header you provided implies functionality that is not implemented", 501, {
    Header,
  });

export const entityTooLarge = (limit: number) =>
  new Fault("EntityTooLarge", "Your proposed upload exceeds the maximum allowed size", 400, {
    MaxSizeAllowed: String(limit),
  });

export const slowDown = () =>
  new Fault("SlowDown", "The disk is full: the object was not stored. Free some space and try again.", 503);
