/** Answers of the data plane on their way to the client. */
import type { ServerResponse } from "node:http";
import { ModelStreamError } from "@aws-sdk/client-sagemaker-runtime";
import { StreamFailure } from "../dataplane/data-plane.ts";
import type { Outcome } from "../dataplane/outcome.ts";
import { endReply, pipeReply } from "../wire/reply-body.ts";
import { REST_JSON, RUNTIME } from "./runtime-service.ts";

/** A client that takes nothing of its answer is cut within 10 s: it has no longer for its headers, either. */
const STALL_MS = 5000;

export type Answered<Body> = Extract<Outcome<Body>, { kind: "answered" }>;

/** InvokeEndpoint: the container's bytes as they are. */
export function endAnswer(reply: ServerResponse, requestId: string, answered: Answered<Uint8Array>): void {
  const { answer, body, variant } = answered;
  const head = ["x-amzn-RequestId", requestId, "x-Amzn-Invoked-Production-Variant", variant];
  for (const name in answer.headers) head.push(name, answer.headers[name]!);
  head.push("content-length", String(body.byteLength));
  endReply(reply.writeHead(200, head), Buffer.from(body.buffer, body.byteOffset, body.byteLength), STALL_MS);
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
    throw new ModelStreamError({ message, ErrorCode: errorCode, $metadata: {} });
  }
}
