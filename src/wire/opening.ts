/** A request's body taken out of its frame, and held against what was signed and how long it may be. */
import { createHash } from "node:crypto";
import { type Framing, unchunk } from "./chunked.ts";
import { Denial } from "./denial.ts";
import { unsignedEvents } from "./event-frames.ts";
import { bodyOf, collect, Fault, type HttpRequest, tooLarge } from "./http.ts";
import { membersOf } from "./members.ts";
import type { Operation } from "./service.ts";
import { sha256, type Signature } from "./sigv4.ts";

/**
 * The request with the body that its sender meant. A body that the operation takes as a stream throws while it is read
 * when it is not what was signed; any other is proven before this returns, whether its operation looks at it or not.
 */
export async function openBody(
  request: HttpRequest,
  operation: Operation,
  signature: Signature,
  limit: number,
  trailers: Map<string, string>,
): Promise<HttpRequest> {
  if (announcedLength(request) > limit) throw tooLarge(limit);
  const headers = unframed(request.headers);
  const body = meantBody(request, signature, limit, trailers);
  if (signature.payload && takesStream(operation)) return { ...request, headers, body };
  const bytes = await collect(body);
  if (!signature.payload) signature.check(sha256(bytes));
  return { ...request, headers, body: bodyOf(bytes) };
}

function takesStream({ input }: Operation): boolean {
  return membersOf(input).some(({ streaming }) => streaming);
}

function meantBody(
  request: HttpRequest,
  signature: Signature,
  limit: number,
  trailers: Map<string, string>,
): AsyncIterable<Uint8Array> {
  const { payload } = signature;
  if (payload === "STREAMING-AWS4-HMAC-SHA256-EVENTS") return unsignedEvents(request.body, signature);
  if (payload.startsWith("STREAMING-"))
    return unchunk(request.body, signature, framingOf(request, payload), trailers);
  const body = limited(request.body, limit);
  return payload && payload !== "UNSIGNED-PAYLOAD" ? hashed(body, payload) : body;
}

function framingOf(request: HttpRequest, payload: string): Framing {
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
    .map((name) => name.trim());
  return { length, trailers: payload.endsWith("-TRAILER") ? announced.filter(Boolean) : [] };
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
