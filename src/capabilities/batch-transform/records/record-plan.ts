import type {
  BatchStrategy,
  DataProcessing,
  TransformInput,
  TransformOutput,
} from "@aws-sdk/client-sagemaker";
import type { Payload, RecordPosition } from "./payload.ts";
import type { PayloadCutter } from "./payload-cutter.ts";

/** What a transform job says of its records. */
export interface RecordSettings {
  readonly input: Pick<TransformInput, "ContentType" | "SplitType">;
  readonly output: Pick<TransformOutput, "Accept" | "AssembleWith">;
  readonly processing?: DataProcessing | undefined;
  readonly strategy: BatchStrategy;
  /** The longest payload in bytes: MaxPayloadInMB x 1,048,576; 0 has no limit. */
  readonly payloadBytes: number;
  /** For DataCaptureConfig.GenerateInferenceId: what is added to each record's output. */
  readonly stamp?: ((record: number) => { readonly id: string; readonly time: string }) | undefined;
}

/** Filters, or a way to split and assemble, that do not go together; the message is for a ValidationException. */
export class InvalidRecordSettings extends Error {
  override readonly name = "InvalidRecordSettings";
}

/**
 * From an object's bytes to payloads, from a payload to what the model is sent, and from the model's answer to bytes
 * of the output. It keeps nothing of any object, so a job has one, however many objects are under way:
 *
 *   const cutter = plan.cutter();               // one per object; or plan.cutter(checkpoint.end) to go on
 *   for await (const chunk of object)
 *     for (const payload of cutter.push(chunk)) … answer = await send(plan.request(payload)); write(plan.answer(payload, answer))
 *   for (const payload of cutter.end()) …
 */
export interface RecordPlan {
  /**
   * The whole object goes to the model as one request of chunks, and its answer comes back as one: MaxPayloadInMB 0
   * with nothing to be done per record. There is no cutter for it. After the answer goes `plan.tail(lastByte)`.
   */
  readonly streams: boolean;
  /** Whether `answer` looks at rows: where it does not, the answer's bytes may be written as they come, then `tail`. */
  readonly rowwise: boolean;
  cutter(from?: RecordPosition): PayloadCutter;
  /** What the model is sent for a payload: its body, or what InputFilter leaves of it. Throws RecordError. */
  request(payload: Payload): readonly Buffer[];
  /** What is written for a payload and the model's answer to it. Throws RecordError, also for too few or too many rows. */
  answer(payload: Payload, answer: Buffer): readonly Buffer[];
  /** What is written after an answer that was passed on as it came: the newline of AssembleWith Line where it has none. */
  tail(lastByte: number | undefined): Buffer;
  /** A payload for each record of a payload, to find the one that fails or to write all but that one. */
  singles(payload: Payload): Payload[];
}

/** Throws InvalidRecordSettings. Whether the settings go together does not depend on `strategy` and `payloadBytes`. */
export declare function recordPlan(settings: RecordSettings): RecordPlan;
