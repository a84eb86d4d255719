/** The work of one job from where it was left: its objects, some at a time, until all have ended or it is stopped. */
import { type Clock, sleep } from "../../base/clock.ts";
import type { Log } from "../../base/log.ts";
import type { CallInstance } from "../../dataplane/instance-call.ts";
import type { InstanceRoute } from "../../dataplane/routing-table.ts";
import type { PartStore } from "../../objects/object-store.ts";
import type { Resource } from "../../state/resource.ts";
import type { Budget } from "./budget.ts";
import { stampOf, writeCapture } from "./data-capture.ts";
import { InputObjects, type InputObject, outputPlace } from "./input-objects.ts";
import type { AskInstance } from "./instance-client.ts";
import type { InvokePorts } from "./invoke.ts";
import type { JobTable } from "./job-table.ts";
import type { Totals, TransformJobSpec, TransformStatus } from "./kinds.ts";
import { partSize } from "./output-writer.ts";
import { type Progress, progressOf } from "./progress.ts";
import { JobFailure, noInput, noOutput, objectsFailed, storageFailed } from "./reasons.ts";
import { RecordPlan } from "./records/record-plan.ts";
import { type Home, Seats } from "./seats.ts";
import { MOST_MB, type Settings } from "./settings.ts";
import { transformObject } from "./transform-object.ts";
import { NoSuchObject } from "../../objects/object-store.ts";

export interface RunPorts {
  readonly clock: Clock;
  readonly log: Log;
  readonly objects: PartStore;
  readonly table: JobTable;
  readonly budget: Budget;
  readonly ask: AskInstance;
  readonly call: CallInstance;
  /** Those of the job's instances that are ready. */
  readonly instances: () => readonly InstanceRoute[];
  readonly suspect: (instance: string) => void;
}

export type Outcome =
  | { readonly kind: "completed" }
  | { readonly kind: "failed"; readonly reason: string }
  | { readonly kind: "stopped" };

const MIB = 1024 ** 2;
/** Objects of one job under way at once: some are read or written while others are with the model. */
const MOST_OBJECTS = 64;
const TIMEOUT_SECONDS = 600;
const RETRIES = 3;
/** How often a store that fails is asked again before the job fails. */
const TRIES = 6;
const PAUSE_MS = 1_000;

export class TransformRun {
  readonly ended: Promise<Outcome>;
  readonly #job: Resource<TransformJobSpec, TransformStatus>;
  readonly #settings: Settings;
  readonly #ports: RunPorts;
  readonly #seats: Seats;
  readonly #stopping = new AbortController();
  readonly #since: Totals;
  readonly #begunAt: number;
  #counts: { -readonly [Key in keyof Totals]: Totals[Key] };
  #total: { readonly objects: number; readonly bytes: number } | undefined;
  /** Why no more objects are begun. */
  #failure: unknown;

  constructor(job: Resource<TransformJobSpec, TransformStatus>, settings: Settings, ports: RunPorts) {
    this.#job = job;
    this.#settings = settings;
    this.#ports = ports;
    this.#seats = new Seats(ports.instances, settings.concurrent);
    this.#since = ports.table.totals(job.uid);
    this.#counts = { ...this.#since };
    this.#begunAt = ports.clock.monotonic();
    this.ended = this.#run();
  }

  /** Ends it soon, with nothing that is under way. */
  stop(): void {
    this.#stopping.abort();
  }

  /** Instances came or went. */
  look(): void {
    this.#seats.look();
  }

  progress(): Progress {
    const counts = { ...this.#counts, ...(this.#total && { total: this.#total }) };
    return progressOf(counts, this.#since, this.#ports.clock.monotonic() - this.#begunAt);
  }

  async #run(): Promise<Outcome> {
    const { clock, log } = this.#ports;
    const { signal } = this.#stopping;
    for (let tried = 0; ; tried++)
      try {
        await this.#objects();
        return this.#outcome();
      } catch (error) {
        if (signal.aborted) return { kind: "stopped" };
        if (error instanceof JobFailure) return { kind: "failed", reason: error.message };
        log.error("a transform job is in trouble", { job: this.#job.name, error });
        if (tried + 1 >= TRIES) return { kind: "failed", reason: storageFailed((error as Error).message) };
        await sleep(clock, PAUSE_MS * 2 ** tried, signal).catch(() => {});
      }
  }

  #outcome(): Outcome {
    const { table } = this.#ports;
    const { failedObjects, objects } = table.totals(this.#job.uid);
    if (failedObjects === 0) return { kind: "completed" };
    const first = table.firstReason(this.#job.uid)!;
    return { kind: "failed", reason: objectsFailed(first, failedObjects, failedObjects + objects) };
  }

  /** Every object that has not ended yet. */
  async #objects(): Promise<void> {
    const { objects, table, budget } = this.#ports;
    const { uid, spec, createdAt } = this.#job;
    const { signal } = this.#stopping;
    this.#failure = undefined;
    table.flush();
    const input = await InputObjects.open(objects, spec.request, createdAt);
    await this.#needOutput();
    const counting = new Counting(input, spec.request.TransformResources!.InstanceCount!);
    const counted = counting.done.then((total) => (this.#total = total));
    counted.catch(() => {});
    const homes = await counting.homes;
    const running = new Set<Promise<void>>();
    for await (const object of input.list()) {
      signal.throwIfAborted();
      if (this.#failure) break;
      if (table.hasEnded(uid, object.key)) continue;
      const weight = this.#weight(object, homes);
      while (running.size >= MOST_OBJECTS) await Promise.race(running);
      await budget.enter(weight, signal);
      const work: Promise<void> = this.#object(object, { index: object.index, of: homes })
        .catch((error: unknown) => {
          this.#failure ??= error;
        })
        .finally(() => {
          budget.leave(weight);
          running.delete(work);
        });
      running.add(work);
    }
    await Promise.all(running);
    signal.throwIfAborted();
    if (this.#failure) throw this.#failure;
    await counted;
    table.flush();
    await writeCapture(this.#job, input, objects, table, signal);
  }

  async #object(object: InputObject, home: Home): Promise<void> {
    const { table, log } = this.#ports;
    const { uid, name, spec } = this.#job;
    const { request } = spec;
    let [records, bytes] = [0, 0];
    const advanced = (moreRecords: number, moreBytes: number) => {
      this.#counts.records += moreRecords;
      this.#counts.bytes += moreBytes;
      records += moreRecords;
      bytes += moreBytes;
    };
    const place = outputPlace(request, `${object.relative}.out`);
    const ports = {
      ...this.#ports,
      job: uid,
      invoke: this.#invoke,
      plan: this.#plan(object),
      gzip: request.TransformInput!.CompressionType === "Gzip",
      partial: /^true$/i.test(request.Environment?.["TIDEWAY_BATCH_PARTIAL"] ?? ""),
      window: this.#window(home.of),
      advanced,
    };
    const end = await transformObject(object, place, home, ports, this.#stopping.signal);
    advanced(end.records - records, object.size - bytes);
    if (end.reason === undefined) this.#counts.objects++;
    else {
      this.#counts.failedObjects++;
      log.warn("an object of a transform job failed", { job: name, reason: end.reason });
    }
    table.ended(uid, object.key, end.records, object.size, end.reason);
  }

  get #invoke(): InvokePorts {
    const { clock, ask, suspect } = this.#ports;
    const { TransformInput, TransformOutput, ModelClientConfig } = this.#job.spec.request;
    const headers: string[] = [];
    if (TransformInput!.ContentType) headers.push("content-type", TransformInput!.ContentType);
    if (TransformOutput!.Accept) headers.push("accept", TransformOutput!.Accept);
    return {
      clock,
      ask,
      suspect,
      headers,
      seats: this.#seats,
      timeoutMs: (ModelClientConfig?.InvocationsTimeoutInSeconds ?? TIMEOUT_SECONDS) * 1000,
      retries: ModelClientConfig?.InvocationsMaxRetries ?? RETRIES,
    };
  }

  #plan(object: InputObject): RecordPlan {
    const { request } = this.#job.spec;
    return new RecordPlan({
      input: request.TransformInput!,
      output: request.TransformOutput!,
      processing: request.DataProcessing,
      strategy: this.#settings.strategy,
      payloadBytes: this.#settings.maxPayloadMB * MIB,
      ...(this.#settings.aimMB && { aimBytes: this.#settings.aimMB * MIB }),
      stamp: stampOf(this.#job, object),
    });
  }

  /** One payload more than the instances take of an object: it is read while they work. */
  #window(homes: number): number {
    const { InstanceCount } = this.#job.spec.request.TransformResources!;
    return this.#settings.concurrent * Math.ceil(InstanceCount! / homes) + 1;
  }

  /** What an object may take of the memory: its payloads and their answers, and two parts of its output. */
  #weight({ size }: InputObject, homes: number): number {
    const { aimMB, maxPayloadMB } = this.#settings;
    const payload = (aimMB ?? (maxPayloadMB || MOST_MB)) * MIB;
    const most = (this.#window(homes) + 2) * payload + 2 * partSize(0);
    const gzip = this.#job.spec.request.TransformInput!.CompressionType === "Gzip";
    return gzip ? most : Math.min(most, 4 * size + 32_768);
  }

  /** A bucket that is not there is told before the model has worked for nothing. */
  async #needOutput(): Promise<void> {
    const { bucket, key } = outputPlace(this.#job.spec.request, "");
    try {
      for await (const _ of this.#ports.objects.list(bucket, key)) break;
    } catch (error) {
      if (error instanceof NoSuchObject)
        throw new JobFailure(noOutput(this.#job.spec.request.TransformOutput!.S3OutputPath!, error.message));
      throw error;
    }
  }
}

/** Counts a job's objects, while the first of them are worked on already. */
class Counting {
  readonly done: Promise<{ readonly objects: number; readonly bytes: number }>;
  /** How many of the instances have objects of their own. */
  readonly homes: Promise<number>;

  constructor(input: InputObjects, instances: number) {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    this.homes = promise;
    this.done = (async () => {
      let [objects, bytes] = [0, 0];
      for await (const { size } of input.list()) {
        bytes += size;
        if (++objects === instances) resolve(instances);
      }
      if (objects === 0) throw new JobFailure(noInput(input.uri));
      resolve(objects);
      return { objects, bytes };
    })();
    this.done.catch(reject);
  }
}
