/** The last steps of a request: its failure object, and who is to be told. At least once, after its end is durable. */
import { type Clock, sleep } from "../../base/clock.ts";
import type { Log } from "../../base/log.ts";
import { NoSuchObject, type ObjectStore } from "../../objects/object-store.ts";
import { placeOf } from "./attempt.ts";
import { INCLUDED_BYTES, includesResponse, notification, topicOf } from "./notification.ts";
import type { EndedRequest } from "./request.ts";

/** Publishes to a topic; durable there when it resolves. */
export type Publish = (topicArn: string, message: string) => Promise<void>;

export interface Announcer {
  readonly objects: ObjectStore;
  readonly publish: Publish;
  readonly region: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly stopping: AbortSignal;
}

/** Amazon SNS's limit. */
const MESSAGE_BYTES = 262_144;
const TRIES = 5;
const FIRST_PAUSE_MS = 500;

/** False when the server stops first: then it is all done again at its next start. */
export async function announce(row: EndedRequest, ports: Announcer): Promise<boolean> {
  const { request, ending } = row;
  const { objects, publish, region, log, stopping } = ports;
  const facts = { inferenceId: request.inferenceId, endpoint: request.endpoint };
  const { failureLocation } = request;
  if (ending.kind === "failed" && failureLocation !== undefined) {
    const { body, contentType } = ending;
    const said = body === undefined ? Buffer.from(ending.reason) : Buffer.from(body, "base64");
    const type = body === undefined ? "text/plain; charset=utf-8" : contentType;
    await tried(ports, () =>
      objects.put(...placeOf(failureLocation), said, type === undefined ? {} : { contentType: type }),
    ).catch((error: unknown) =>
      log.error("a failure object could not be written", { ...facts, failureLocation, error }),
    );
  }
  const topic = topicOf(request, ending);
  if (topic !== undefined)
    await tried(ports, async () => {
      const response = includesResponse(request, ending) ? await responseOf(row, objects) : undefined;
      const message = notification(request, ending, region, response);
      // some bytes are six in JSON
      const fits = Buffer.byteLength(message) <= MESSAGE_BYTES;
      await publish(topic, fits ? message : notification(request, ending, region, undefined));
    }).catch((error: unknown) =>
      log.error("a notification could not be published", { ...facts, topic, error }),
    );
  return !stopping.aborted;
}

/** What the model said, if it is short enough to be repeated. */
async function responseOf(
  { request, ending }: EndedRequest,
  objects: ObjectStore,
): Promise<Buffer | undefined> {
  if (ending.kind === "failed") {
    const bytes = ending.body === undefined ? undefined : Buffer.from(ending.body, "base64");
    return bytes && bytes.length <= INCLUDED_BYTES ? bytes : undefined;
  }
  try {
    const { info, body } = await objects.get(...placeOf(request.outputLocation));
    if (info.size > INCLUDED_BYTES) return undefined;
    const chunks: Uint8Array[] = [];
    for await (const chunk of body) chunks.push(chunk);
    return Buffer.concat(chunks);
  } catch (error) {
    if (error instanceof NoSuchObject) return undefined; // its reader has taken it away already
    throw error;
  }
}

/** A few times, with growing pauses; what can not be mended by waiting is told at once. */
async function tried({ clock, stopping }: Announcer, work: () => Promise<unknown>): Promise<void> {
  for (let tries = 1; ; tries++)
    try {
      return void (await work());
    } catch (error) {
      if (stopping.aborted || tries === TRIES || error instanceof NoSuchObject) throw error;
      await sleep(clock, FIRST_PAUSE_MS * 2 ** (tries - 1), stopping).catch(() => {});
    }
}
