/** One payload at the model: a place at an instance, the request, other tries where that may help. */
import { type Clock, sleep } from "../../base/clock.ts";
import { InstanceBroke } from "../../dataplane/instance-call.ts";
import { type AskInstance, AnswerTooLong, NoAnswer, type Reply } from "./instance-client.ts";
import { contiguous, type Payload } from "./records/payload.ts";
import { type Blame, type Failure, quoted, whichRecords } from "./reasons.ts";
import type { Home, Seats } from "./seats.ts";

export interface InvokePorts {
  readonly clock: Clock;
  readonly seats: Seats;
  readonly ask: AskInstance;
  /** The instance failed a request. */
  readonly suspect: (instance: string) => void;
  /** Names and values by turns. */
  readonly headers: readonly string[];
  readonly timeoutMs: number;
  /** How often a request that failed is sent again. */
  readonly retries: number;
}

const FIRST_PAUSE_MS = 500;
/** Instances that can not be reached are being started again: so often is that waited for. */
const MOST_UNREACHED = 600;

/** What the model answered, or why it did not. `retries` in place of the job's. */
export async function invoke(
  payload: Payload,
  body: readonly Buffer[],
  home: Home,
  ports: InvokePorts,
  signal: AbortSignal,
  retries: number = ports.retries,
): Promise<Reply | Failure> {
  const { clock, seats, ask, suspect, headers, timeoutMs } = ports;
  const request = { method: "POST", path: "/invocations", headers, body: contiguous(body) } as const;
  let alone = false;
  let unreached = 0;
  for (let tried = 0; ;) {
    const seat = await seats.take(home, alone, signal);
    let why: Why;
    let uncounted = false;
    try {
      const reply = await ask(seat.instance, request, timeoutMs, signal);
      if (reply.status >= 200 && reply.status < 300) return reply;
      why = refused(reply.status, reply.body);
    } catch (error) {
      signal.throwIfAborted();
      why = withoutReply(error, timeoutMs);
      suspect(seat.instance.id);
      if (error instanceof InstanceBroke) {
        // another request may break an instance: with the instance to itself it is known which
        uncounted = error.reached ? !alone : ++unreached < MOST_UNREACHED;
        alone ||= error.reached;
        // one that is going down may still be connected to: its place is given to nobody until that is known
        if (error.reached) await sleep(clock, FIRST_PAUSE_MS, signal);
      }
    } finally {
      seats.leave(seat);
    }
    if (uncounted) {
      await sleep(clock, FIRST_PAUSE_MS, signal);
      continue;
    }
    if (!why.again || tried >= retries) return failureOf(payload, why, tried);
    await sleep(clock, FIRST_PAUSE_MS * 2 ** tried++, signal);
  }
}

/** Why a request came to nothing. */
export interface Why {
  readonly blame: Blame;
  readonly what: string;
  /** Whether another try may do better. */
  readonly again: boolean;
  readonly divisible: boolean;
}

/** The model's status was not 2xx. */
export function refused(status: number, body: Uint8Array): Why {
  const client = status >= 400 && status < 500 && status !== 429;
  return {
    blame: client ? "ClientError" : "AlgorithmError",
    what: `the model answered with status ${status}${quoted(body)}`,
    again: !client,
    divisible: true,
  };
}

/** There was no answer, or none that counts; what is nothing of the model's is thrown. */
export function withoutReply(error: unknown, timeoutMs: number): Why {
  const blame = "AlgorithmError" as const;
  if (error instanceof NoAnswer)
    return {
      blame,
      what: `the model did not answer within the ${timeoutMs / 1000} s of InvocationsTimeoutInSeconds`,
      again: true,
      divisible: false,
    };
  if (error instanceof AnswerTooLong)
    return { blame, what: `the model's answer ${error.message}`, again: false, divisible: true };
  if (error instanceof InstanceBroke)
    return { blame, what: `the model's instance broke off: ${error.message}`, again: true, divisible: true };
  throw error;
}

function failureOf(payload: Payload, { blame, what, divisible }: Why, tried: number): Failure {
  const times = tried > 0 ? ` It was asked ${tried + 1} times.` : "";
  return {
    blame,
    sentence: `${whichRecords(payload)}: ${what}.${times}`,
    record: payload.start.record,
    offset: payload.start.offset,
    records: payload.records,
    divisible,
  };
}
