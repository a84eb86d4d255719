/** Answers of the data plane on their way to the client. */
import type { ServerResponse } from "node:http";
import { StreamFailure } from "../dataplane/data-plane.ts";
import type { Outcome } from "../dataplane/outcome.ts";
import type { PlainExchange } from "../wire/fast-path/plain-exchange.ts";
import { endReply, pipeReply } from "../wire/reply-body.ts";
import { REST_JSON, RUNTIME, RuntimeError } from "./runtime-service.ts";

/** A client that takes nothing of its answer is cut within 10 s: it has no longer for its headers, either. */
export const STALL_MS = 5000;

export type Answered<Body> = Extract<Outcome<Body>, { kind: "answered" }>;

/** InvokeEndpoint: the container's bytes as they are. */
export function endAnswer(reply: ServerResponse, requestId: string, answered: Answered<Uint8Array>): void {
  const bytes = bytesOf(answered);
  const head = [...answerFields(requestId, answered), "content-length", String(bytes.length)];
  endReply(reply.writeHead(200, head), bytes, STALL_MS);
}

/** The same on the fast path. */
export function replyPlain(exchange: PlainExchange, requestId: string, answered: Answered<Uint8Array>): void {
  exchange.reply(200, answerFields(requestId, answered), bytesOf(answered), STALL_MS);
}

/** Names and values by turns. */
function answerFields(requestId: string, { answer, variant }: Answered<Uint8Array>): string[] {
  const fields = ["x-amzn-RequestId", requestId, "x-Amzn-Invoked-Production-Variant", variant];
  for (const name in answer.headers) fields.push(name, answer.headers[name]!);
  return fields;
}

function bytesOf({ body }: Answered<Uint8Array>): Buffer {
  return Buffer.from(body.buffer, body.byteOffset, body.byteLength);
}

/** InvokeEndpointWithResponseStream: the container's bytes as events. */
export async function streamEvents(
  reply: ServerResponse,
  requestId: string,
  { answer, body, variant }: Answered<AsyncIterable<Uint8Array>>,
): Promise<void> {
  const response = REST_JSON.write(RUNTIME.operations.get("InvokeEndpointWithResponseStream")!, {
    Body: payloadParts(body),
    ContentType: answer.headers["content-type"],
    InvokedProductionVariant: variant,
    CustomAttributes: answer.headers["x-amzn-sagemaker-custom-attributes"],
  });
  reply.writeHead(response.status, { ...response.headers, "x-amzn-RequestId": requestId });
  reply.flushHeaders();
  await pipeReply(reply, response.body as AsyncIterable<Uint8Array>, STALL_MS);
}

/** The OpenAI paths: the container's HTTP answer, as it comes. */
export async function passOn(
  reply: ServerResponse,
  requestId: string,
  { answer, body, variant }: Answered<AsyncIterable<Uint8Array>>,
): Promise<void> {
  const own = { "x-amzn-RequestId": requestId, "x-Amzn-Invoked-Production-Variant": variant };
  reply.writeHead(answer.status, { ...answer.headers, ...own });
  reply.flushHeaders();
  await pipeReply(reply, body, STALL_MS);
}

/** The model's chunks as events; what breaks them, as the stream's last one. */
async function* payloadParts(
  body: AsyncIterable<Uint8Array>,
): AsyncGenerator<{ PayloadPart: { Bytes: Uint8Array } }> {
  try {
    for await (const Bytes of body) yield { PayloadPart: { Bytes } };
  } catch (error) {
    if (!(error instanceof StreamFailure)) throw error;
    const { message, errorCode } = error;
    throw new RuntimeError("ModelStreamError", message, { ErrorCode: errorCode });
  }
}
