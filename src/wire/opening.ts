/** A request's body taken out of its frame, and held against what was signed and how long it may be. */
import { createHash } from "node:crypto";
import { unchunk } from "./chunked.ts";
import { Denial } from "./denial.ts";
import { unsignedEvents } from "./event-frames.ts";
import { bodyOf, collect, Fault, type HttpRequest, tooLarge } from "./http.ts";
import { sha256, type Signature } from "./sigv4.ts";

/** The request with the body that its sender meant; reading that throws when it is not what was signed. */
export async function openBody(
  request: HttpRequest,
  signature: Signature,
  limit: number,
  trailers: Map<string, string>,
): Promise<HttpRequest> {
  const { payload } = signature;
  if (announcedLength(request) > limit) throw tooLarge(limit);
  if (payload === "STREAMING-AWS4-HMAC-SHA256-EVENTS")
    return { ...request, body: unsignedEvents(request.body, signature) };
  if (payload.startsWith("STREAMING-")) {
    const length = wholeNumber(request, "x-amz-decoded-content-length");
    if (length === undefined)
      throw new Fault(
        "MissingContentLength",
        "You must provide the x-amz-decoded-content-length HTTP header.",
        411,
      );
    const announced = (request.headers["x-amz-trailer"] ?? "")
      .toLowerCase()
      .split(",")
      .map((name) => name.trim())
      .filter(Boolean);
    const framing = { length, trailers: payload.endsWith("-TRAILER") ? announced : [] };
    return {
      ...request,
      headers: unframed(request.headers),
      body: unchunk(request.body, signature, framing, trailers),
    };
  }
  const body = limited(request.body, limit);
  if (payload === "UNSIGNED-PAYLOAD") return { ...request, body };
  if (payload) return { ...request, body: hashed(body, payload) };
  const bytes = await collect(body);
  signature.check(sha256(bytes));
  return { ...request, body: bodyOf(bytes) };
}

/** How long the body will be, as far as the headers tell. */
function announcedLength(request: HttpRequest): number {
  return wholeNumber(request, "x-amz-decoded-content-length") ?? wholeNumber(request, "content-length") ?? 0;
}

function wholeNumber({ headers }: HttpRequest, name: string): number | undefined {
  const text = headers[name];
  if (text === undefined) return undefined;
  if (!/^\d{1,15}$/.test(text))
    throw new Fault("InvalidArgument", `The header ${name} must be a whole number.`);
  return Number(text);
}

/** `aws-chunked` is about the way here, not about what is stored. */
function unframed(headers: HttpRequest["headers"]): HttpRequest["headers"] {
  const { "content-encoding": coding = "", ...rest } = headers;
  const kept = coding
    .split(",")
    .map((one) => one.trim())
    .filter((one) => one && one !== "aws-chunked");
  return kept.length ? { ...rest, "content-encoding": kept.join(", ") } : rest;
}

async function* limited(body: AsyncIterable<Uint8Array>, limit: number): AsyncGenerator<Uint8Array> {
  let size = 0;
  for await (const chunk of body) {
    if ((size += chunk.byteLength) > limit) throw tooLarge(limit);
    yield chunk;
  }
}

async function* hashed(body: AsyncIterable<Uint8Array>, expected: string): AsyncGenerator<Uint8Array> {
  const hash = createHash("sha256");
  for await (const chunk of body) {
    hash.update(chunk);
    yield chunk;
  }
  if (hash.digest("hex") !== expected) throw new Denial("wrongBody");
}
