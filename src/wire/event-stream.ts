/** Streams of events inside a REST body: written from a handler's events, read into them. */
import type { NormalizedSchema } from "@smithy/core/schema";
import { EVENTS, messages } from "./event-frames.ts";
import { Fault } from "./http.ts";
import { type Codec, encode, failure } from "./protocol.ts";
import type { Service } from "./service.ts";

/** An event as handlers see it: `{ PayloadPart: { Bytes } }`. */
export type StreamEvent = Record<string, unknown>;

/** A protocol's way of writing an event's payload. */
export interface PayloadFormat {
  readonly codec: Codec;
  /** Its media type. */
  readonly type: string;
}

/** What RPC protocols begin a stream with: the output's members besides the stream, of which no operation here has any. */
export const initialResponse = ({ type }: PayloadFormat): Uint8Array =>
  EVENTS.encode({
    headers: {
      ":message-type": text("event"),
      ":event-type": text("initial-response"),
      ":content-type": text(type),
    },
    body: Buffer.from("{}"),
  });

/** The messages for a handler's events; an exception of the service that it throws becomes the last one. */
export async function* writeEvents(
  service: Service,
  union: NormalizedSchema,
  events: AsyncIterable<StreamEvent>,
  format: PayloadFormat,
): AsyncGenerator<Uint8Array> {
  try {
    for await (const event of events)
      for (const [name, value] of Object.entries(event))
        yield message("event", name, union.getMemberSchema(name), value as StreamEvent, format);
  } catch (error) {
    const { code, details, schema } = failure(service, error as Error);
    if (!schema) throw error;
    yield message("exception", code, schema, details, format);
  }
}

function message(
  kind: "event" | "exception",
  name: string,
  schema: NormalizedSchema,
  value: StreamEvent,
  format: PayloadFormat,
): Uint8Array {
  const [member, payload] =
    [...schema.structIterator()].find(([, one]) => one.getMergedTraits().eventPayload) ?? [];
  const raw = payload?.isBlobSchema() ?? false;
  const content = member === undefined ? value : value[member];
  const body = raw ? (content as Uint8Array) : encode(format.codec, payload ?? schema, content);
  return EVENTS.encode({
    headers: {
      ":message-type": text(kind),
      [`:${kind}-type`]: text(name),
      ":content-type": text(raw ? "application/octet-stream" : format.type),
    },
    body: typeof body === "string" ? Buffer.from(body) : body,
  });
}

const text = (value: string) => ({ type: "string", value }) as const;

/** The events that a client sends. */
export async function* readEvents(
  union: NormalizedSchema,
  body: AsyncIterable<Uint8Array>,
  codec: Codec,
): AsyncGenerator<StreamEvent> {
  const known = new Map(union.structIterator());
  for await (const { headers, body: bytes } of messages(body)) {
    const name = String(headers[":event-type"]?.value);
    const schema = known.get(name);
    if (!schema) throw new Fault("SerializationException", `The stream has no event ${name.slice(0, 100)}.`);
    const parse = (member: NormalizedSchema): unknown => codec.createDeserializer().read(member, bytes);
    const event: StreamEvent = {};
    let bound = false;
    for (const [key, member] of schema.structIterator()) {
      const { eventHeader, eventPayload } = member.getMergedTraits();
      bound ||= Boolean(eventHeader ?? eventPayload);
      if (eventHeader) event[key] = headers[key]?.value;
      else if (eventPayload)
        event[key] = member.isBlobSchema()
          ? bytes
          : member.isStringSchema()
            ? Buffer.from(bytes).toString()
            : await parse(member);
    }
    yield { [name]: bound ? event : await parse(schema) };
  }
}
