/** Messages of `application/vnd.amazon.eventstream`, as they come in. */
import { crc32 } from "node:zlib";
import { EventStreamCodec, HeaderMarshaller } from "@smithy/core/event-streams";
import { fromUtf8, toUtf8 } from "@smithy/core/serde";
import type { Message } from "@smithy/types";
import { ByteReader } from "./byte-reader.ts";
import { Denial } from "./denial.ts";
import { Fault } from "./http.ts";
import { hmac, sameText, sha256, type Signature } from "./sigv4.ts";

/** Encodes one message. */
export const EVENTS = new EventStreamCodec(toUtf8, fromUtf8);

/** The longest message that AWS allows: 16 MiB of payload and 128 KiB of headers. */
const MAX_MESSAGE = (16 << 20) + (128 << 10) + 16;

/** The messages of a body; a length is believed only up to the largest that the format allows. */
export async function* messages(body: AsyncIterable<Uint8Array>): AsyncGenerator<Message> {
  const input = new ByteReader(body);
  while (!(await input.ended())) {
    const head = await input.take(4);
    const length = head.readUInt32BE(0);
    if (length < 16 || length > MAX_MESSAGE)
      throw new Fault("SerializationException", `An event of ${length} bytes is not allowed.`);
    const frame = Buffer.concat([head, await input.take(length - 4)]);
    yield decode(frame);
  }
}

/** Lengths of the whole and of the headers, and the checksum of both. */
const PRELUDE = 12;
const CHECKSUM = 4;
const HEADERS = new HeaderMarshaller(toUtf8, fromUtf8);

function decode(frame: Buffer): Message {
  const end = frame.length - CHECKSUM;
  const headersEnd = PRELUDE + frame.readUInt32BE(4);
  if (
    crc32(frame.subarray(0, 8)) !== frame.readUInt32BE(8) ||
    crc32(frame.subarray(0, end)) !== frame.readUInt32BE(end)
  )
    throw unreadable("a checksum is wrong");
  if (headersEnd > end) throw unreadable("its headers are longer than it is");
  // the SDK's reader goes on behind the end of what it is given, into other requests' memory: a copy has nothing there
  const headers = Uint8Array.from(frame.subarray(PRELUDE, headersEnd));
  try {
    return { headers: HEADERS.parse(new DataView(headers.buffer)), body: frame.subarray(headersEnd, end) };
  } catch (error) {
    throw unreadable((error as Error).message);
  }
}

const unreadable = (reason: string) =>
  new Fault("SerializationException", `An event cannot be read: ${reason}`);

/** Signed event streams: each event comes inside a message whose headers carry its date and signature; an empty one ends them. */
export async function* unsignedEvents(
  body: AsyncIterable<Uint8Array>,
  signature: Signature,
): AsyncGenerator<Uint8Array> {
  let previous = signature.signature;
  for await (const { headers, body: event } of messages(body)) {
    const at = headers[":date"]?.value;
    const given = headers[":chunk-signature"]?.value;
    if (!(at instanceof Date) || Number.isNaN(at.getTime()) || !(given instanceof Uint8Array))
      throw new Denial("incomplete", "An event of the stream is not signed.");
    const date = at.toISOString().replace(/[-:]|\.\d+/g, "");
    const hashed = sha256(HEADERS.format({ ":date": { type: "timestamp", value: at } }));
    const text = ["AWS4-HMAC-SHA256-PAYLOAD", date, signature.scope, previous, hashed, sha256(event)].join(
      "\n",
    );
    previous = Buffer.from(given).toString("hex");
    if (!sameText(previous, hmac(signature.key, text).toString("hex"))) throw new Denial("wrongSignature");
    if (!event.length) return;
    yield event;
  }
  throw new Fault("IncompleteBody", "The stream ended without its last, empty event.");
}
