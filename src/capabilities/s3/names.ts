/** What buckets and keys may be called. */
import { Fault } from "../../wire/http.ts";

/** Throws InvalidBucketName unless a bucket may be made under that name (general purpose buckets' rules). */
export function checkBucketName(name: string): void {
  const fits =
    /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(name) &&
    !name.includes("..") &&
    !/^\d+\.\d+\.\d+\.\d+$/.test(name) &&
    !/^(xn--|sthree-|amzn-s3-demo-)/.test(name) &&
    !/(-s3alias|--ol-s3|\.mrap|--x-s3|--table-s3)$/.test(name);
  if (!fits)
    throw new Fault("InvalidBucketName", "The specified bucket is not valid.", 400, { BucketName: name });
}

const KEY_LIMIT = 1024;

/** Throws KeyTooLongError for a key above 1,024 bytes of UTF-8. */
export function checkKey(key: string): void {
  const size = Buffer.byteLength(key);
  if (size > KEY_LIMIT)
    throw new Fault("KeyTooLongError", "Your key is too long", 400, {
      Size: String(size),
      MaxSizeAllowed: String(KEY_LIMIT),
    });
}
