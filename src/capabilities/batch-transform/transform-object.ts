/** One object from the store to the model and back: cut, sent, in order again, written; taken up where it was left. */
import { type Clock, sleep } from "../../base/clock.ts";
import { StorageFull } from "../../base/sqlite/database.ts";
import type { Log } from "../../base/log.ts";
import type { CallInstance } from "../../dataplane/instance-call.ts";
import { gunzip } from "../../objects/archive/gunzip.ts";
import { InvalidArchive } from "../../objects/archive/invalid-archive.ts";
import { NoSuchObject, ObjectReplaced, type PartStore } from "../../objects/object-store.ts";
import type { InputObject } from "./input-objects.ts";
import { type InvokePorts, invoke } from "./invoke.ts";
import type { Checkpoint, ErrorLine, JobTable } from "./job-table.ts";
import { type OutputPlace, OutputWriter, UploadGone } from "./output-writer.ts";
import { firstFailure, isFailure, type Output, outputOf, recordFailure, salvage } from "./payload-outcome.ts";
import type { Payload, RecordPosition } from "./records/payload.ts";
import { RecordError } from "./records/record-error.ts";
import type { RecordPlan } from "./records/record-plan.ts";
import { type Failure, JobFailure, noOutput, storageFailed } from "./reasons.ts";
import { streamObject } from "./stream-object.ts";
import type { Home } from "./seats.ts";

export interface ObjectPorts {
  readonly job: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly objects: PartStore;
  readonly table: JobTable;
  readonly invoke: InvokePorts;
  readonly call: CallInstance;
  readonly plan: RecordPlan;
  readonly gzip: boolean;
  /** Writes what succeeded, and what did not to a file beside it. */
  readonly partial: boolean;
  /** Payloads of one object under way at once. */
  readonly window: number;
  /** So many more records, and bytes of the object as it is stored, are done. */
  readonly advanced: (records: number, bytes: number) => void;
}

/** `reason` is there when the object failed. */
export interface ObjectEnd {
  readonly records: number;
  readonly reason?: string;
}

/** How often a store that fails is asked again, with growing pauses. */
const STORE_TRIES = 4;
const STORE_PAUSE_MS = 1_000;
const START: RecordPosition = { offset: 0, record: 1 };
const ERROR_PAGE = 1_000;

/** The object can not be transformed; the message is a FailureReason without its first word. */
class ObjectFailure extends Error {
  readonly blame: Failure["blame"];
  /** Whether the whole object is worth another try. */
  readonly again: boolean;
  constructor(blame: Failure["blame"], message: string, again = false) {
    super(message);
    this.blame = blame;
    this.again = again;
  }
}

/** Rejects with JobFailure where no object can be written, or with the signal's reason. */
export async function transformObject(
  object: InputObject,
  place: OutputPlace,
  home: Home,
  ports: ObjectPorts,
  signal: AbortSignal,
): Promise<ObjectEnd> {
  const { table, job, clock } = ports;
  for (let tried = 0; ; tried++) {
    const work = new ObjectWork(object, place, home, ports, signal);
    try {
      return await work.run();
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof JobFailure) throw error;
      const failure = explain(error);
      if (failure?.again && tried < ports.invoke.retries) await sleep(clock, STORE_PAUSE_MS, signal);
      else if (failure) {
        await work.giveUp();
        return {
          records: 0,
          reason: `${failure.blame}: s3://${object.bucket}/${object.key}: ${failure.message}`,
        };
      } else if (error instanceof UploadGone) table.forget(job, object.key);
      else if (tried >= STORE_TRIES) {
        await work.giveUp();
        return {
          records: 0,
          reason: `${storageFailed((error as Error).message)} (s3://${object.bucket}/${object.key})`,
        };
      } else {
        ports.log.warn("an object of a transform job is tried again", { key: object.key, error });
        await sleep(clock, STORE_PAUSE_MS * 2 ** tried, signal);
      }
    }
  }
}

/** Undefined for what the store may get over. */
function explain(error: unknown): ObjectFailure | undefined {
  if (error instanceof ObjectFailure) return error;
  if (error instanceof RecordError || error instanceof ObjectReplaced || error instanceof InvalidArchive)
    return new ObjectFailure("ClientError", error.message);
  if (error instanceof NoSuchObject) return new ObjectFailure("ClientError", error.message);
  return undefined;
}

/** One try. */
class ObjectWork {
  readonly #object: InputObject;
  readonly #place: OutputPlace;
  readonly #home: Home;
  readonly #ports: ObjectPorts;
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal;
  readonly #checkpoint: Checkpoint | undefined;
  readonly #writer: OutputWriter;
  readonly #errors: ErrorLine[] = [];

  constructor(object: InputObject, place: OutputPlace, home: Home, ports: ObjectPorts, signal: AbortSignal) {
    this.#object = object;
    this.#place = place;
    this.#home = home;
    this.#ports = ports;
    this.#signal = AbortSignal.any([signal, this.#stop.signal]);
    const { table, job, objects } = ports;
    const checkpoint = table.checkpoint(job, object.key);
    // of an answer that is passed on as it comes nothing can be kept
    this.#checkpoint = checkpoint && ports.plan.streams ? { ...checkpoint, parts: [] } : checkpoint;
    this.#writer = new OutputWriter(
      objects,
      place,
      (state) =>
        table.begun(job, object.key, { ...state, ...place, etag: object.etag }, this.#errors.splice(0)),
      this.#checkpoint,
    );
  }

  /** Resolves once the output is there; with a reason, where records of it failed. */
  async run(): Promise<ObjectEnd> {
    const { missing, etag } = this.#object;
    if (missing !== undefined) throw new ObjectFailure("ClientError", missing);
    if (this.#checkpoint && this.#checkpoint.etag !== etag)
      throw new ObjectReplaced(this.#object.bucket, this.#object.key);
    try {
      const end = this.#ports.plan.streams ? await this.#stream() : await this.#payloads();
      await this.#written(() => this.#writer.finish(end));
      const reason = this.#ports.partial ? await this.#writeErrors() : undefined;
      return { records: end.record - 1, ...(reason !== undefined && { reason }) };
    } finally {
      this.#stop.abort();
      await this.#writer.settle();
    }
  }

  /** Nothing of it is left behind. */
  async giveUp(): Promise<void> {
    const { objects, table, job } = this.#ports;
    const upload = this.#writer.upload;
    const { bucket, key } = this.#place;
    if (upload !== undefined) await objects.abortUpload(bucket, key, upload).catch(() => {});
    try {
      table.forget(job, this.#object.key);
    } catch (error) {
      if (!(error instanceof StorageFull)) throw error;
    }
  }

  async #payloads(): Promise<RecordPosition> {
    const { plan, window } = this.#ports;
    const from = this.#checkpoint?.next ?? START;
    const cutter = plan.cutter(from);
    const queue: { payload: Payload; output: Promise<Output | Failure> }[] = [];
    const take = async () => {
      const { payload, output } = queue.shift()!;
      await this.#take(payload, await output);
    };
    const offer = async (payloads: Iterable<Payload>) => {
      for (const payload of payloads) {
        const output = outputOf(payload, plan, this.#send);
        output.catch(() => {}); // heard of in its turn
        queue.push({ payload, output });
        if (queue.length >= window) await take();
      }
    };
    try {
      for await (const chunk of this.#bytes(from.offset)) await offer(cutter.push(chunk as Buffer));
      await offer(cutter.end());
    } catch (error) {
      if (!(error instanceof RecordError)) throw error;
      while (queue.length) await take();
      if (!this.#ports.partial) throw error;
      this.#note(recordFailure(error, { records: 1 }));
    }
    while (queue.length) await take();
    return cutter.position;
  }

  /** In the order of the object. */
  async #take(payload: Payload, found: Output | Failure): Promise<void> {
    const { plan, partial, gzip, advanced } = this.#ports;
    let pieces: readonly Buffer[];
    if (!isFailure(found)) {
      this.#writer.contentType ??= found.contentType;
      pieces = found.pieces;
    } else if (partial)
      pieces = await salvage(payload, found, plan, this.#send, (failure) => this.#note(failure));
    else {
      const { blame, sentence } = await firstFailure(payload, found, plan, this.#send);
      throw new ObjectFailure(blame, sentence);
    }
    await this.#written(() => this.#writer.write(pieces, payload.end));
    advanced(payload.records, gzip ? 0 : payload.end.offset - payload.start.offset);
  }

  readonly #send = (payload: Payload, body: readonly Buffer[], retries?: number) =>
    invoke(payload, body, this.#home, this.#ports.invoke, this.#signal, retries);

  async #stream(): Promise<RecordPosition> {
    const { call, plan, invoke: ports, advanced, gzip } = this.#ports;
    const end = await streamObject(
      this.#bytes(0),
      this.#home,
      { ...ports, call },
      this.#signal,
      async (chunk, contentType) => {
        this.#writer.contentType ??= contentType;
        await this.#written(() => this.#writer.write([chunk as Buffer], START));
      },
    );
    if ("blame" in end) throw new ObjectFailure(end.blame, `${capital(end.what)}.`, end.again);
    await this.#writer.write([plan.tail(end.lastByte)], START);
    advanced(1, gzip ? 0 : this.#object.size);
    return { offset: this.#object.size, record: 2 };
  }

  /** The object's bytes behind `offset`, decompressed where they are compressed. */
  async *#bytes(offset: number): AsyncGenerator<Uint8Array> {
    const { objects, gzip } = this.#ports;
    const { bucket, key, etag } = this.#object;
    const from = { etag, offset: gzip ? 0 : offset };
    const { body } = await objects.get(bucket, key, this.#signal, from);
    if (!gzip) {
      yield* body;
      return;
    }
    let skip = offset;
    for await (const chunk of gunzip(body, { compressed: 0, decompressed: 0 }, undefined, "object")) {
      if (skip < chunk.length) yield skip > 0 ? chunk.subarray(skip) : chunk;
      skip = Math.max(0, skip - chunk.length);
    }
  }

  /** What can not be written for want of a bucket can not be written of any object. */
  async #written(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (error instanceof NoSuchObject)
        throw new JobFailure(noOutput(`s3://${this.#place.bucket}/${this.#place.key}`, error.message));
      throw error;
    }
  }

  #note({ record, records, offset, blame, sentence }: Failure): void {
    const line = JSON.stringify({ record, records, offset, error: `${blame}: ${sentence}` });
    this.#errors.push({ record, line });
  }

  /** `<name>.err.jsonl`, where a record failed; and then the reason. */
  async #writeErrors(): Promise<string | undefined> {
    const { table, job, objects } = this.#ports;
    const { key } = this.#object;
    table.addErrors(job, key, this.#errors.splice(0));
    const [first] = table.errorLines(job, key, 0, 1);
    if (!first) return undefined;
    async function* lines(): AsyncGenerator<Uint8Array> {
      for (let after = 0; ;) {
        const page = table.errorLines(job, key, after, ERROR_PAGE);
        if (!page.length) return;
        yield Buffer.from(page.map(({ line }) => `${line}\n`).join(""));
        after = page.at(-1)!.record;
      }
    }
    const { bucket, key: name } = this.#place;
    const errorsName = name.replace(/\.out$/, ".err.jsonl");
    await objects.put(bucket, errorsName, lines(), { contentType: "application/jsonlines" });
    const { error } = JSON.parse(first.line) as { error: string };
    const where = error.replace(": ", `: s3://${this.#object.bucket}/${key}: `);
    return `${where} What else failed of it is told in s3://${bucket}/${errorsName}.`;
  }
}

const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);
