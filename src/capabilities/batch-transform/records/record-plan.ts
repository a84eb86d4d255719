import type {
  BatchStrategy,
  DataProcessing,
  TransformInput,
  TransformOutput,
} from "@aws-sdk/client-sagemaker";
import { CsvRecords } from "./csv-records.ts";
import { InvalidJsonPath, type JsonPath, parseJsonPath } from "./json-path.ts";
import { JsonRecords } from "./json-records.ts";
import { Lines } from "./lines.ts";
import type { Payload, RecordPosition } from "./payload.ts";
import { PayloadCutter } from "./payload-cutter.ts";
import { RecordIo } from "./recordio.ts";
import { type RecordSplitter, WholeObject } from "./record-splitter.ts";
import type { RowFormat, Stamp } from "./row-format.ts";
import { TfRecord } from "./tfrecord.ts";

/** What a transform job says of its records. */
export interface RecordSettings {
  readonly input: Pick<TransformInput, "ContentType" | "SplitType">;
  readonly output: Pick<TransformOutput, "Accept" | "AssembleWith">;
  readonly processing?: DataProcessing | undefined;
  readonly strategy: BatchStrategy;
  /** The longest payload in bytes: MaxPayloadInMB x 1,048,576; 0 has no limit. */
  readonly payloadBytes: number;
  /** As long as a payload of several records should be, where that is less. */
  readonly aimBytes?: number | undefined;
  /** For DataCaptureConfig.GenerateInferenceId: what is added to each record's output. */
  readonly stamp?: ((record: number) => Stamp) | undefined;
}

/** Filters, or a way to split and assemble, that do not go together; the message is for a ValidationException. */
export class InvalidRecordSettings extends Error {
  override readonly name = "InvalidRecordSettings";
}

/** No payload that is held is longer, even where MaxPayloadInMB is 0. */
const MAX_PAYLOAD = 100 * 1024 ** 2;
const ROW_TYPES = ["text/csv", "application/json", "application/jsonlines"];
const NEWLINE = Buffer.from("\n");
const NOTHING = Buffer.alloc(0);

/**
 * From an object's bytes to payloads, from a payload to what the model is sent, and from the model's answer to bytes
 * of the output. It keeps nothing of any object, so a job has one, however many objects are under way:
 *
 *   const cutter = plan.cutter();               // one per object; or plan.cutter(checkpoint.end) to go on
 *   for each chunk of the object
 *     for (const payload of cutter.push(chunk)) write(plan.answer(payload, await send(plan.request(payload))))
 *   for (const payload of cutter.end()) …
 */
export class RecordPlan {
  /**
   * The whole object goes to the model as one request of chunks, and its answer comes back as one: MaxPayloadInMB 0
   * with nothing to be done per record. There is no cutter for it; `tail` goes behind the answer.
   */
  readonly streams: boolean;
  readonly #settings: RecordSettings;
  /** Undefined where requests and answers pass as they are. */
  readonly #requests: RowFormat | undefined;
  readonly #answers: RowFormat | undefined;

  /** Throws InvalidRecordSettings, whatever `strategy` and `payloadBytes` are. */
  constructor(settings: RecordSettings) {
    const { input, output, processing, strategy, payloadBytes, stamp } = settings;
    this.#settings = settings;
    const type = mediaType(input.ContentType);
    const split = input.SplitType ?? "None";
    const inputFilter = filter("InputFilter", processing?.InputFilter, type);
    const outputFilter = filter("OutputFilter", processing?.OutputFilter, type);
    const join = processing?.JoinSource === "Input";
    const rows = join || outputFilter.length > 0 || stamp !== undefined;
    if (rows || inputFilter.length > 0) refuseUnfit(settings, type, split, rows);
    const work = { inputFilter, outputFilter, join, stamp };
    const format =
      type === "text/csv"
        ? new CsvRecords(work)
        : new JsonRecords(work, {
            lines: split === "Line" || type === "application/jsonlines",
            many: strategy === "MultiRecord" || split === "None",
            jsonLines: type === "application/jsonlines",
            newline: output.AssembleWith === "Line",
          });
    this.#requests = inputFilter.length > 0 ? format : undefined;
    this.#answers = rows ? format : undefined;
    this.streams =
      payloadBytes === 0 && !rows && !this.#requests && (split === "None" || strategy === "MultiRecord");
  }

  /** Whether `answer` needs the whole answer; else its bytes may be written as they come, and then `tail`. */
  get rowwise(): boolean {
    return this.#answers !== undefined;
  }

  cutter(from?: RecordPosition): PayloadCutter {
    const many = this.#settings.strategy === "MultiRecord";
    return this.#cutter(many, !many, from);
  }

  /** What the model is sent for a payload: its body, or what InputFilter leaves of it. Throws RecordError. */
  request(payload: Payload): readonly Buffer[] {
    return this.#requests ? [this.#requests.request(payload)] : payload.body;
  }

  /** What is written for a payload and the model's answer to it. Throws RecordError, also for too few or too many rows. */
  answer(payload: Payload, answer: Buffer): readonly Buffer[] {
    return this.#answers ? [this.#answers.answer(payload, answer)] : [answer, this.tail(answer.at(-1))];
  }

  /** What is written behind an answer that is passed on as it is: the newline of AssembleWith Line, where it has none. */
  tail(lastByte: number | undefined): Buffer {
    return this.#settings.output.AssembleWith === "Line" && lastByte !== NEWLINE[0] ? NEWLINE : NOTHING;
  }

  /** A payload for each record of a payload, to find the one that fails or to write all but that one. */
  singles(payload: Payload): Payload[] {
    if (payload.records === 1) return [payload];
    const cutter = this.#cutter(false, false, payload.start);
    return [...payload.body.flatMap((piece) => [...cutter.push(piece)]), ...cutter.end()];
  }

  #cutter(many: boolean, bare: boolean, from: RecordPosition | undefined): PayloadCutter {
    const { input, payloadBytes, aimBytes } = this.#settings;
    const splitter = splitterFor(input.SplitType, mediaType(input.ContentType) === "text/csv");
    const settings = { limitBytes: payloadBytes || MAX_PAYLOAD, aimBytes, many, bare };
    return new PayloadCutter(splitter, settings, from);
  }
}

function splitterFor(split: TransformInput["SplitType"], csv: boolean): RecordSplitter {
  switch (split) {
    case "Line":
      return new Lines(csv);
    case "RecordIO":
      return new RecordIo();
    case "TFRecord":
      return new TfRecord();
    default:
      return new WholeObject();
  }
}

/** In lower case, without parameters. */
function mediaType(type = ""): string {
  return type.split(";", 1)[0]!.trim().toLowerCase();
}

function filter(member: "InputFilter" | "OutputFilter", path: string | undefined, type: string): JsonPath {
  try {
    const steps = parseJsonPath(path ?? "$");
    const [step] = steps;
    if (type === "text/csv" && step && (steps.length > 1 || step.kind === "names"))
      throw new InvalidJsonPath(
        'A row of "text/csv" has columns, which are taken by index: $[0], $[1:], $[0,-1].',
      );
    return type === "text/csv" && step?.kind === "all" ? [] : steps;
  } catch (error) {
    if (!(error instanceof InvalidJsonPath)) throw error;
    throw new InvalidRecordSettings(`Invalid ${member}: ${JSON.stringify(path)}. ${error.message}`);
  }
}

/** Filters and joins need a format that they know, on both ways, and records that are assembled as they were split. */
function refuseUnfit({ output }: RecordSettings, type: string, split: string, rows: boolean): void {
  const refuse = (problem: string): never => {
    throw new InvalidRecordSettings(`Invalid DataProcessing: ${problem}`);
  };
  if (!ROW_TYPES.includes(type))
    refuse(
      `TransformInput.ContentType must be one of ${ROW_TYPES.join(", ")}, and is ${type || "not given"}.`,
    );
  if (split !== "None" && split !== "Line")
    refuse(`TransformInput.SplitType must be None or Line, and is ${split}.`);
  if (type === "text/csv" && split !== "Line") refuse("text/csv needs TransformInput.SplitType Line.");
  if (!rows) return;
  if (mediaType(output.Accept ?? type) !== type)
    refuse(`TransformOutput.Accept must be TransformInput.ContentType, ${type}, and is ${output.Accept}.`);
  if ((output.AssembleWith ?? "None") !== split)
    refuse(
      `TransformOutput.AssembleWith must be TransformInput.SplitType, ${split}, and is ${output.AssembleWith ?? "None"}.`,
    );
}
