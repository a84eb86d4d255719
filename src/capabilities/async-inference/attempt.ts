/** One try of one request: its input from the store to an instance, the answer to where its result belongs. */
import type { Clock } from "../../base/clock.ts";
import type { InstanceAddress } from "../../dataplane/routing-table.ts";
import { NoSuchObject, ObjectExists, type ObjectStore, parseS3Uri } from "../../objects/object-store.ts";
import { type CallInstance, InputBroke, InstanceBroke, firstBytes } from "../../dataplane/instance-call.ts";
import type { Measure } from "./async-metrics.ts";
import type { Trouble } from "./next-step.ts";
import { inputTooLarge, modelError, noInput, noOutput, timedOut } from "./reasons.ts";
import type { AsyncRequest, Ending, QueuedRequest } from "./request.ts";

/** AWS's limit of an input. */
const INPUT_LIMIT = 1024 ** 3;
/** So much of a model's error goes to the failure object. */
const ERROR_BYTES = 1024 ** 2;

export interface AttemptPorts {
  readonly objects: ObjectStore;
  readonly clock: Clock;
  /** The body that came with the request, if one did. */
  readonly inlineBody: (id: number) => Uint8Array | undefined;
  readonly stopping: AbortSignal;
  readonly call: CallInstance;
  readonly measure: Measure;
}

export type AttemptResult = Ending | Trouble | { readonly kind: "stopped" };

/** Runs the request on the instance. The result is visible, whole and durable when this resolves with success. */
export async function attempt(
  row: QueuedRequest,
  address: InstanceAddress,
  { objects, clock, inlineBody, stopping, call, measure }: AttemptPorts,
): Promise<AttemptResult> {
  const { request, id } = row;
  const failed = (reason: string): Ending => ({ kind: "failed", at: clock.now(), reason });
  const late = new AbortController();
  const cancelTimer = clock.after(request.timeoutSeconds * 1000, () => late.abort());
  const signal = AbortSignal.any([stopping, late.signal]);
  let broke: InstanceBroke | undefined;
  try {
    const input = await readInput(request, inlineBody(id), objects, signal);
    measure("RequestDownloadFailures", typeof input === "string" ? 1 : 0);
    if (typeof input === "string") return failed(input);
    const calledAt = clock.monotonic();
    const answer = await call({ address, headers: request.headers, ...input, signal });
    measure("ModelLatency", 1000 * (clock.monotonic() - calledAt));
    measure("Invocation4XXErrors", answer.status >= 400 && answer.status < 500 ? 1 : 0);
    measure("Invocation5XXErrors", answer.status >= 500 ? 1 : 0);
    const { contentType } = answer;
    const type = contentType === undefined ? {} : { contentType };
    if (answer.status < 200 || answer.status >= 300) {
      const body = (await firstBytes(answer.body, ERROR_BYTES)).toString("base64");
      return { ...(failed(modelError(answer.status)) as Ending & { kind: "failed" }), body, ...type };
    }
    const body = watched(answer.body, {
      ended: cancelTimer,
      broke: (error) => (broke = error),
    });
    // a late write of a control that was killed stays as well: of two results the first one
    await objects.put(...placeOf(request.outputLocation), body, { ...type, onlyNew: request.ownName });
    return { kind: "succeeded", at: clock.now(), ...type };
  } catch (error) {
    if (stopping.aborted) return { kind: "stopped" };
    if (late.signal.aborted) return failed(timedOut(request.timeoutSeconds));
    if (error instanceof InputBroke) return failed(noInput(request.inputLocation!, error.message));
    const failure = broke ?? error;
    const why = (failure as Error).message;
    if (failure instanceof InstanceBroke)
      return failure.reached ? { kind: "broke", why, left: false } : { kind: "unreachable" };
    const earlier = () => earlierResult(row, objects, clock.now()).catch(() => undefined);
    measure("ResponseUploadFailures", 1);
    if (error instanceof ObjectExists) return (await earlier()) ?? { kind: "not-stored", why };
    if (error instanceof NoSuchObject) return failed(noOutput(request.outputLocation, why));
    return { kind: "not-stored", why };
  } finally {
    cancelTimer();
    // an answer that nobody read to its end
    late.abort();
  }
}

/** The result that an earlier try left; undefined when there is none. */
export async function earlierResult(
  { request, begunAt = Infinity }: QueuedRequest,
  objects: ObjectStore,
  now: number,
): Promise<Ending | undefined> {
  try {
    const info = await objects.head(...placeOf(request.outputLocation));
    // some stores know whole seconds only
    if (!request.ownName && info.modifiedAt < Math.floor(begunAt / 1000) * 1000) return undefined;
    const { contentType } = info;
    return { kind: "succeeded", at: now, ...(contentType !== undefined && { contentType }) };
  } catch (error) {
    if (error instanceof NoSuchObject) return undefined;
    throw error;
  }
}

/** Bucket and key of an address that was checked when it came. */
export function placeOf(location: string): [bucket: string, key: string] {
  const { bucket, key } = parseS3Uri(location)!;
  return [bucket, key];
}

/** What is to be sent, or why it can not be. */
async function readInput(
  { inputLocation }: AsyncRequest,
  inline: Uint8Array | undefined,
  objects: ObjectStore,
  signal: AbortSignal,
): Promise<{ body: AsyncIterable<Uint8Array>; length: number } | string> {
  if (inputLocation === undefined) {
    const bytes = inline ?? new Uint8Array();
    return { body: once(bytes), length: bytes.byteLength };
  }
  try {
    const place = placeOf(inputLocation);
    const { size } = await objects.head(...place);
    if (size > INPUT_LIMIT) return inputTooLarge(inputLocation, size, INPUT_LIMIT);
    const { info, body } = await objects.get(...place, signal);
    if (info.size > INPUT_LIMIT) return inputTooLarge(inputLocation, info.size, INPUT_LIMIT);
    return { body, length: info.size };
  } catch (error) {
    signal.throwIfAborted();
    return noInput(inputLocation, (error as Error).message || (error as Error).name);
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  if (bytes.byteLength) yield bytes;
}

/** Tells the end of an answer from the end of what is done with it. */
async function* watched(
  body: AsyncIterable<Uint8Array>,
  { ended, broke }: { ended: () => void; broke: (error: InstanceBroke) => void },
): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
    ended();
  } catch (error) {
    if (error instanceof InstanceBroke) broke(error);
    throw error;
  }
}
