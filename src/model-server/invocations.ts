import type { Clock } from "../base/clock.ts";
import { Batcher, type Batching, type Waiting } from "./batcher.ts";
import type { AnswerStyle } from "./codecs/answer.ts";
import {
  type AnswerType,
  chooseAnswer,
  contentTypeHeader,
  type DecodedRequest,
  encodeAnswer,
  requestDecoder,
} from "./content-types.ts";
import { InvalidInput, type Model, type Tensor } from "./model.ts";
import { Refusal } from "./refusal.ts";

/** What a caller may set of the server. */
export interface ServerSettings {
  readonly maxBodyBytes: number;
  /** SAGEMAKER_BATCH: the instance works for a batch transform job. */
  readonly batch: boolean;
  /** SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT: the answer's content type where a caller does not choose. */
  readonly defaultAccept: string | undefined;
  /** Takes one line for the instance's log. */
  readonly log: (line: string) => void;
}

/** What is told to a caller. */
export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: Buffer;
}

/** Who waits for an answer, over whatever protocol. */
export interface Caller {
  /** Nobody listens any more. */
  readonly gone: boolean;
  answer(answer: Answer): void;
}

/** How requests with the same headers are read and answered. */
interface Plan {
  readonly decode: (body: Buffer) => DecodedRequest;
  readonly answerType: AnswerType;
  readonly header: string;
}

/** Callers send few different headers; whoever sends many costs no memory. */
const MAX_PLANS = 64;
const MAX_KEY = 1024;

/** Answers invocations with one model. */
export class Invocations {
  readonly #model: Model;
  readonly #batcher: Batcher;
  readonly #settings: ServerSettings;
  readonly #plans = new Map<string, Plan>();

  constructor(model: Model, batching: Batching, settings: ServerSettings, clock: Clock) {
    this.#model = model;
    this.#batcher = new Batcher(model, batching, clock);
    this.#settings = settings;
  }

  invoke(contentType: string | undefined, accept: string | undefined, body: Buffer, caller: Caller): void {
    try {
      const plan = this.#plan(contentType, accept);
      const { inputs, openInference } = plan.decode(body);
      const style = { format: this.#model.format, batch: this.#settings.batch, openInference };
      this.#batcher.add(new Invocation(inputs, plan, style, caller, this.#settings));
    } catch (error) {
      answerError(error, caller, this.#settings);
    }
  }

  #plan(contentType: string | undefined, accept: string | undefined): Plan {
    const key = `${contentType ?? ""}\n${accept ?? ""}`;
    const known = this.#plans.get(key);
    if (known) return known;
    const answerType = chooseAnswer(accept, contentType, this.#settings.defaultAccept);
    const decode = requestDecoder(contentType, this.#model);
    const plan = { decode, answerType, header: contentTypeHeader(answerType) };
    if (key.length <= MAX_KEY) {
      if (this.#plans.size >= MAX_PLANS) this.#plans.clear();
      this.#plans.set(key, plan);
    }
    return plan;
  }
}

/** The caller's mistakes get their sentence; anything else is logged whole and answered in one sentence. */
export function answerError(error: unknown, caller: Caller, { log }: Pick<ServerSettings, "log">): void {
  const status = error instanceof InvalidInput ? 400 : error instanceof Refusal ? error.status : 500;
  const message = error instanceof Error ? error.message : String(error);
  if (status === 500) log(`Request failed: ${message.replaceAll(/\s*\n\s*/g, " ")}`);
  caller.answer({ status, type: "text/plain; charset=utf-8", body: Buffer.from(message) });
}

class Invocation implements Waiting {
  readonly inputs: ReadonlyMap<string, Tensor>;
  readonly #plan: Plan;
  readonly #style: AnswerStyle;
  readonly #caller: Caller;
  readonly #settings: ServerSettings;

  constructor(
    inputs: ReadonlyMap<string, Tensor>,
    plan: Plan,
    style: AnswerStyle,
    caller: Caller,
    settings: ServerSettings,
  ) {
    this.inputs = inputs;
    this.#plan = plan;
    this.#style = style;
    this.#caller = caller;
    this.#settings = settings;
  }

  get abandoned(): boolean {
    return this.#caller.gone;
  }

  resolve(outputs: readonly Tensor[]): void {
    const { answerType, header } = this.#plan;
    try {
      const body = encodeAnswer(answerType, outputs, this.#style);
      this.#caller.answer({ status: 200, type: header, body });
    } catch (error) {
      this.reject(error);
    }
  }

  reject(error: unknown): void {
    answerError(error, this.#caller, this.#settings);
  }
}
