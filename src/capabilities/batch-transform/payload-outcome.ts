/** What becomes of one payload: output, or the record that failed; in a partial job, the output of all the others. */
import type { Reply } from "./instance-client.ts";
import type { Payload } from "./records/payload.ts";
import { RecordError } from "./records/record-error.ts";
import type { RecordPlan } from "./records/record-plan.ts";
import type { Failure } from "./reasons.ts";

/** Sends a payload to the model; `again` is not said for one that is looked for a failure in. */
export type SendPayload = (
  payload: Payload,
  body: readonly Buffer[],
  retries?: number,
) => Promise<Reply | Failure>;

export interface Output {
  readonly pieces: readonly Buffer[];
  readonly contentType: string | undefined;
}

export const isFailure = (one: Output | Reply | Failure): one is Failure => "sentence" in one;

/** The payload's output, or why there is none. */
export async function outputOf(
  payload: Payload,
  plan: RecordPlan,
  send: SendPayload,
  retries?: number,
): Promise<Output | Failure> {
  try {
    const reply = await send(payload, plan.request(payload), retries);
    if (isFailure(reply)) return reply;
    return { pieces: plan.answer(payload, reply.body), contentType: reply.contentType };
  } catch (error) {
    if (!(error instanceof RecordError)) throw error;
    return recordFailure(error, payload);
  }
}

/** A record that can not be read, filtered or joined. */
export function recordFailure(error: RecordError, { records }: Pick<Payload, "records">): Failure {
  const { message: sentence, record, offset } = error;
  return { blame: "ClientError", sentence, record, offset, records: 1, divisible: records > 1 };
}

/** Narrows a failure down to the first record that has it, by halves. */
export async function firstFailure(
  payload: Payload,
  failure: Failure,
  plan: RecordPlan,
  send: SendPayload,
): Promise<Failure> {
  if (!narrows(payload, failure)) return failure;
  for (const half of halves(plan.singles(payload))) {
    const found = await outputOf(half, plan, send, 0);
    if (isFailure(found)) return firstFailure(half, found, plan, send);
  }
  return failure; // only all of them together fail
}

/** The outputs of all records that have one, in their order; `failed` hears of the others. */
export async function salvage(
  payload: Payload,
  failure: Failure,
  plan: RecordPlan,
  send: SendPayload,
  failed: (failure: Failure) => void,
): Promise<readonly Buffer[]> {
  if (payload.records === 1 || !failure.divisible) {
    failed(failure);
    return [];
  }
  const pieces: Buffer[] = [];
  for (const half of halves(plan.singles(payload))) {
    const found = await outputOf(half, plan, send, 0);
    pieces.push(...(isFailure(found) ? await salvage(half, found, plan, send, failed) : found.pieces));
  }
  return pieces;
}

/** Where the model itself is in trouble, its sentence names all records: looking for one would only take its time. */
const narrows = ({ records }: Payload, { divisible, blame }: Failure) =>
  records > 1 && divisible && blame === "ClientError";

function halves(singles: readonly Payload[]): Payload[] {
  const middle = Math.ceil(singles.length / 2);
  return [singles.slice(0, middle), singles.slice(middle)].map(together);
}

function together(payloads: readonly Payload[]): Payload {
  return {
    start: payloads[0]!.start,
    end: payloads.at(-1)!.end,
    records: payloads.reduce((sum, { records }) => sum + records, 0),
    body: payloads.flatMap(({ body }) => body),
    bytes: payloads.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}
