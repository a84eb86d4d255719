/** One invocation on its way through an instance: slot, deadline, one other try where that is safe, outcome. */
import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import { answerHeaders } from "./answer-headers.ts";
import type { InstanceFailure, Invocation } from "./data-plane.ts";
import type { Deadlines, Expiring } from "./deadlines.ts";
import type { InstanceEvents, InstanceExchange } from "./instance-link.ts";
import { freeWorker, pickInstance } from "./instance-picker.ts";
import { ModelStream } from "./model-stream.ts";
import type { Outcome } from "./outcome.ts";
import type { OnInstanceFailure, RoutedEndpoint, RoutedInstance, RoutedVariant } from "./routes.ts";

/** What an answer may be. */
export interface Limits {
  /** Longest answer that is kept whole. */
  readonly responseBytes: number;
  /** Longest pause in a response stream. */
  readonly streamIdleMs: number;
  /** How much of a failing container's own words is told on. */
  readonly messageBytes: number;
  /** How long an invocation that no instance has seen may wait for one that is ready. */
  readonly readyWaitMs: number;
}

/** What all calls share. */
export interface CallTools {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly limits: Limits;
  readonly deadlines: Deadlines;
  readonly onInstanceFailure: OnInstanceFailure;
}

/** What comes of an invocation, whichever way its answer is read. */
export type Result = Outcome<Uint8Array> | Outcome<ModelStream>;

export class Call implements InstanceEvents, Expiring {
  expiresAt = 0;
  readonly #tools: CallTools;
  readonly #invocation: Invocation;
  readonly #endpoint: RoutedEndpoint;
  readonly #variant: RoutedVariant;
  readonly #streaming: boolean;
  readonly #resolve: (result: Result) => void;
  /** In place of `resolve`, when no instance has seen the invocation. */
  readonly #unsent: (result: Result) => void;
  #instance: RoutedInstance;
  #exchange: InstanceExchange | undefined;
  #startedAt = 0;
  #wasAlone = false;
  #retried = false;
  /** The slot is given back, once. */
  #over = false;
  #stream: ModelStream | undefined;
  #status = 0;
  #headers: Record<string, string> = {};
  #chunks: Uint8Array[] = [];
  #size = 0;

  constructor(
    tools: CallTools,
    invocation: Invocation,
    endpoint: RoutedEndpoint,
    variant: RoutedVariant,
    instance: RoutedInstance,
    streaming: boolean,
    resolve: (result: Result) => void,
    unsent: (result: Result) => void,
  ) {
    this.#tools = tools;
    this.#invocation = invocation;
    this.#endpoint = endpoint;
    this.#variant = variant;
    this.#instance = instance;
    this.#streaming = streaming;
    this.#resolve = resolve;
    this.#unsent = unsent;
  }

  start(): void {
    this.#startedAt = this.#tools.clock.monotonic();
    this.#wasAlone = this.#variant.fleet.outstanding === 0;
    this.#endpoint.load.outstanding++;
    this.#variant.fleet.outstanding++;
    this.#invocation.signal.addEventListener("abort", this);
    this.#tools.deadlines.after(this.#endpoint.timeoutMs).set(this);
    this.#send(this.#instance);
  }

  #send(instance: RoutedInstance): void {
    this.#instance = instance;
    instance.enter();
    const { method = "POST", path, headers, body } = this.#invocation;
    const flat: string[] = [];
    for (const name in headers) flat.push(name, headers[name]!);
    const exchange = instance.link.send({ method, path, headers: flat, body }, this);
    // sending may have failed, and gone on with another instance, before it returned
    if (!this.#over && this.#instance === instance) this.#exchange = exchange;
  }

  onHead(status: number, headers: Readonly<Record<string, string | string[] | undefined>>): void {
    this.#instance.answered();
    this.#status = status;
    this.#headers = answerHeaders(headers);
    if (!this.#streaming || !ok(status)) return;
    this.#tools.deadlines.after(this.#endpoint.timeoutMs).clear(this);
    this.#stream = new ModelStream(
      this.#exchange!,
      this.#tools.deadlines.after(this.#tools.limits.streamIdleMs),
      (failure) => {
        this.#variant.metrics?.streamEnded(failure !== undefined);
        this.#countAnswer(this.#status);
        if (failure)
          this.#blame(failure.errorCode === "StreamBroken" ? "broken" : "timed-out", failure.message);
        this.#leave();
      },
    );
    this.#resolve({ ...this.#answered(), body: this.#stream });
  }

  onData(chunk: Uint8Array): void {
    if (this.#stream && this.#size === 0)
      this.#variant.metrics?.firstChunk(this.#modelMs(), this.#overheadMs());
    this.#size += chunk.byteLength;
    if (this.#stream) return this.#stream.push(chunk);
    if (this.#size > this.#tools.limits.responseBytes) {
      this.#exchange!.abort();
      this.#settle(
        this.#modelError(
          this.#status,
          ok(this.#status)
            ? `The model's response is longer than ${this.#tools.limits.responseBytes} bytes.`
            : this.#words(),
        ),
      );
    } else this.#chunks.push(chunk);
  }

  onEnd(): void {
    const { fleet } = this.#variant;
    const now = this.#tools.clock.monotonic();
    fleet.pace.answered(now - this.#startedAt, this.#wasAlone, fleet.outstanding, now);
    if (this.#stream) this.#stream.end();
    else if (ok(this.#status)) this.#settle({ ...this.#answered(), body: this.#body() });
    else this.#settle(this.#modelError(this.#status, this.#words()));
  }

  onFailure(sent: boolean, reason: string): void {
    if (this.#stream) return this.#stream.fail();
    this.#blame(sent ? "broken" : "unreachable", reason);
    const other = sent || this.#retried ? undefined : this.#other();
    if (!other) {
      const result = this.#modelError(0, noResponse(this.#endpoint.name));
      return this.#settle(result, sent ? this.#resolve : this.#unsent);
    }
    this.#retried = true;
    this.#instance.leave();
    this.#send(other);
  }

  /** The client is gone. */
  handleEvent(): void {
    if (this.#stream) return this.#stream.cancel();
    this.#exchange?.abort();
    this.#settle({ kind: "cancelled" });
  }

  /** The model took too long. */
  expire(): void {
    this.#exchange?.abort();
    this.#blame("timed-out", "no answer in time");
    this.#settle(this.#modelError(0, TIMED_OUT));
  }

  #other(): RoutedInstance | undefined {
    const { clock, random } = this.#tools;
    const { instances, routing, serverless } = this.#variant;
    if (serverless) return freeWorker(instances, clock.monotonic(), random.number());
    return pickInstance(instances, routing, clock.monotonic(), random.number(), this.#instance);
  }

  #blame(failure: InstanceFailure, reason: string): void {
    const instance = this.#instance.id;
    this.#instance.failed(this.#tools.clock.monotonic());
    this.#tools.log.warn("An instance failed a request.", {
      endpoint: this.#endpoint.name,
      variant: this.#variant.name,
      instance,
      failure,
      reason,
    });
    this.#tools.onInstanceFailure(instance, failure);
  }

  #settle(result: Result, resolve = this.#resolve): void {
    if (this.#over) return;
    this.#leave();
    // one that goes on elsewhere is counted there
    if (resolve === this.#resolve) this.#count(result);
    resolve(result);
  }

  #count(result: Result): void {
    const { metrics, instances } = this.#variant;
    if (result.kind === "cancelled") metrics?.cancelled(instances.length);
    else if (result.kind === "answered") this.#countAnswer(this.#status);
    // a status of success that is none: its body is too long
    else if (result.kind === "model-error") this.#countAnswer(ok(result.status) ? 0 : result.status);
  }

  #countAnswer(status: number): void {
    const { metrics, instances } = this.#variant;
    metrics?.answered(status, instances.length, this.#modelMs(), this.#overheadMs());
  }

  #modelMs(): number {
    return this.#tools.clock.monotonic() - this.#startedAt;
  }

  #overheadMs(): number {
    const { receivedAt = this.#startedAt } = this.#invocation;
    return this.#startedAt - receivedAt;
  }

  #leave(): void {
    if (this.#over) return;
    this.#over = true;
    this.#tools.deadlines.after(this.#endpoint.timeoutMs).clear(this);
    this.#invocation.signal.removeEventListener("abort", this);
    this.#instance.leave();
    this.#variant.fleet.leave();
    this.#endpoint.load.leave();
  }

  #answered() {
    return {
      kind: "answered",
      variant: this.#variant.name,
      answer: { status: this.#status, headers: this.#headers },
    } as const;
  }

  #modelError(status: number, message: string): Result {
    return { kind: "model-error", variant: this.#variant.name, status, message };
  }

  #body(): Uint8Array {
    return this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks, this.#size);
  }

  /** What the container said, as much of it as is told on. */
  #words(): string {
    return new TextDecoder().decode(this.#body().subarray(0, this.#tools.limits.messageBytes));
  }
}

const ok = (status: number) => status >= 200 && status < 300;

/** AWS's words, quoted in aws-samples/host-yolov8-on-sagemaker-endpoint#21 and many more. */
const TIMED_OUT =
  "Your invocation timed out while waiting for a response from container primary. Review the latency metrics for each container in Amazon CloudWatch, resolve the issue, and try again.";

/** AWS's words, quoted in aws/amazon-sagemaker-examples#2815 and #3089. */
const noResponse = (endpoint: string) =>
  `Amazon SageMaker could not get a response from the ${endpoint} endpoint. This can occur when CPU or memory utilization is high. To check your utilization, see Amazon CloudWatch. To fix this problem, use an instance type with more CPU capacity or memory.`;
