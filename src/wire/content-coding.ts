/** Bodies that a client compressed: the SDKs do so for PutMetricData from 10 KB on. */
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { Fault, tooLarge } from "./http.ts";

const inflate = promisify(gunzip);

/** The body as it was before `content-encoding: gzip`; refused when it would grow longer than `limit` bytes. */
export async function decoded(bytes: Buffer, coding: string | undefined, limit: number): Promise<Buffer> {
  if (coding?.trim().toLowerCase() !== "gzip") return bytes;
  try {
    return await inflate(bytes, { maxOutputLength: limit });
  } catch (error) {
    if ((error as { code?: string }).code === "ERR_BUFFER_TOO_LARGE") throw tooLarge(limit);
    throw new Fault("SerializationException", "The body is not what its content-encoding, gzip, says.");
  }
}
