/** Transform jobs with everything around them under a test's hand: objects on a real disk, a model that is a function. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CreateTransformJobRequest, DescribeTransformJobResponse } from "@aws-sdk/client-sagemaker";
import type { Clock } from "../../../src/base/clock.ts";
import { silentLog } from "../../../src/base/log.ts";
import {
  type AskInstance,
  NoAnswer,
  type Reply,
} from "../../../src/capabilities/batch-transform/instance-client.ts";
import { type Checkpoint, JobTable } from "../../../src/capabilities/batch-transform/job-table.ts";
import { TransformJobKind } from "../../../src/capabilities/batch-transform/kinds.ts";
import { transformOperations } from "../../../src/capabilities/batch-transform/operations.ts";
import { TransformJobs } from "../../../src/capabilities/batch-transform/transform-jobs.ts";
import { type CallInstance, InstanceBroke } from "../../../src/dataplane/instance-call.ts";
import { type DiskStore, openDiskStore } from "../../../src/objects/disk/disk-store.ts";
import type { PartStore } from "../../../src/objects/object-store.ts";
import type { ResourceStore } from "../../../src/state/store.ts";
import type { Engine } from "../../../src/compute/engine.ts";
import { MemoryStore } from "../../../src/state/memory-store.ts";
import type { Metric } from "../../../src/telemetry/metric.ts";
import type { Context } from "../../../src/wire/context.ts";
import { FakeClock, settle } from "../../support/fake-clock.ts";
import { FakeEngine } from "../../support/fake-engine.ts";
import { SeededRandom } from "../../support/seeded-random.ts";

const account = { region: "us-east-1", accountId: "000000000000" };
const context = { signal: new AbortController().signal, request: { headers: {} } } as Context;

export interface ModelRequest {
  readonly path: string;
  readonly text: string;
  readonly headers: readonly string[];
  readonly instance: string;
  readonly signal: AbortSignal;
}
/** What a model does with a request; what it throws is what the instance's connection says. */
export type FakeModel = (request: ModelRequest) => Promise<Partial<Reply> | string> | Partial<Reply> | string;

/** Each row's sum: a model whose rows are one for one. */
export const sums: FakeModel = ({ text, path }) =>
  path === "/invocations" ? `${text.trimEnd().split("\n").map(sum).join("\n")}\n` : { status: 404 };
const sum = (row: string) => String(row.split(",").reduce((all, one) => all + Number(one), 0));

/** What answers at once can not keep anybody waiting. */
const SYNC: ReadonlySet<unknown> = new Set(["status", "fleets", "suspect"]);

/** A part of a store that does something else. */
export type Troubles = Partial<PartStore>;

export class TransformFixture implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly engine = new FakeEngine();
  readonly store: MemoryStore;
  readonly disk: DiskStore;
  readonly #dir: string;
  readonly random = new SeededRandom(1);
  model: FakeModel = sums;
  troubles: Troubles = {};
  /** What was last told of each metric. */
  readonly metrics = new Map<string, number>();
  readonly requests: ModelRequest[] = [];
  jobs!: TransformJobs;
  #table: JobTable | undefined;
  #life = { dead: false };

  private constructor(dir: string) {
    this.#dir = dir;
    const { clock, random } = this;
    this.store = new MemoryStore({ clock, random });
    const fatal = (error: Error) => {
      throw error;
    };
    this.disk = openDiskStore(join(dir, "objects"), { clock, random, log: silentLog, fatal });
    for (const bucket of ["data", "out"]) this.disk.createBucket(bucket, "us-east-1");
  }

  static async open(): Promise<TransformFixture> {
    const fixture = new TransformFixture(await mkdtemp(join(tmpdir(), "tideway-transform-")));
    await fixture.start();
    return fixture;
  }

  async start(): Promise<void> {
    const life = (this.#life = { dead: false });
    const never = () => new Promise<never>(() => {});
    const { clock, engine, store, random, disk } = this;
    const alive: Clock = {
      now: () => clock.now(),
      monotonic: () => clock.monotonic(),
      after: (ms, callback) => clock.after(ms, () => life.dead || callback()),
    };
    /** What a dead process asks for never comes, and what is told it is not heard. */
    const mortal = <Port extends object>(port: Port, troubles: () => Partial<Port> = () => ({})): Port =>
      new Proxy(port, {
        get: (target, name) => {
          const own = troubles()[name as keyof Port] ?? target[name as keyof Port];
          if (typeof own !== "function" || SYNC.has(name))
            return typeof own === "function" ? own.bind(target) : own;
          if (name === "watch")
            return (watcher: (...values: unknown[]) => void) =>
              (own as (watcher: unknown) => unknown).call(target, (...values: unknown[]) => {
                if (!life.dead) watcher(...values);
              });
          return (...values: unknown[]) =>
            life.dead ? never() : (own as (...values: unknown[]) => unknown).apply(target, values);
        },
      });
    const objects = mortal<PartStore>(disk, () => this.troubles);
    const ask: AskInstance = async (instance, { path, headers, body }, timeoutMs, signal) => {
      const request = { path, headers, signal, instance: instance.id, text: Buffer.from(body).toString() };
      if (life.dead) return never();
      if (path === "/invocations") this.requests.push(request);
      const { promise, reject } = Promise.withResolvers<never>();
      promise.catch(() => {});
      signal.addEventListener("abort", () => reject(signal.reason as Error));
      const cancel = clock.after(timeoutMs, () => reject(new NoAnswer("no answer in time")));
      const said = await Promise.race([this.model(request), promise]).finally(cancel);
      if (life.dead) return never();
      const reply = typeof said === "string" ? { body: Buffer.from(said) } : said;
      return { status: 200, contentType: "text/csv", body: Buffer.alloc(0), ...reply };
    };
    const call: CallInstance = async ({ headers, body }) => {
      const chunks: Uint8Array[] = [];
      for await (const chunk of body) chunks.push(chunk);
      const text = Buffer.concat(chunks).toString();
      const said = await this.model({
        path: "/invocations",
        text,
        headers: Object.entries(headers).flat(),
        instance: "",
        signal: context.signal,
      });
      const reply = typeof said === "string" ? { body: Buffer.from(said) } : said;
      async function* answer() {
        yield reply.body ?? Buffer.alloc(0);
      }
      return { status: reply.status ?? 200, contentType: "text/csv", body: answer() };
    };
    this.#table = new JobTable(join(this.#dir, "jobs.sqlite"), alive, (error) => {
      throw error;
    });
    const ports = {
      store: mortal<ResourceStore>(store),
      engine: mortal<Engine>(engine),
      objects,
      clock: alive,
      random,
      log: silentLog,
      call,
      metrics: {
        record: (metric: Metric, _unit: string, value: number) => void this.metrics.set(metric.name, value),
      },
    };
    this.jobs = await TransformJobs.open({ ...ports, table: this.#table, ask });
  }

  /** As by kill -9: nothing that is under way goes on, and nothing that waits is written. */
  kill(): void {
    this.#life.dead = true;
  }

  get api() {
    const { store, clock } = this;
    return transformOperations({
      account,
      store,
      clock,
      describeHoldMs: 0,
      containerOf: async () => ({ image: "model", environment: {} }),
    });
  }

  async put(key: string, body: string | Buffer): Promise<void> {
    await this.disk.put("data", key, Buffer.from(body));
  }

  /** Undefined where there is no such output. */
  async output(key: string): Promise<string | undefined> {
    const { body } = await this.disk.get("out", key).catch(() => ({ body: undefined }));
    return body && Buffer.concat(await Array.fromAsync(body)).toString();
  }

  /** Everything in the output bucket, and how many uploads are unfinished. */
  async left(): Promise<{ keys: string[]; uploads: number }> {
    const keys = (await Array.fromAsync(this.disk.list("out", ""))).map(({ key }) => key);
    const page = this.disk.uploads.page(
      "out",
      { prefix: "", delimiter: "", after: "", limit: 10 },
      undefined,
    );
    return { keys, uploads: page.rows.length };
  }

  /** Of s3://data/in/, as CSV by lines, to s3://out/, unless said otherwise. */
  async create(TransformJobName: string, more: Partial<CreateTransformJobRequest> = {}): Promise<void> {
    await this.api.CreateTransformJob!(
      {
        TransformJobName,
        ModelName: "model",
        TransformInput: {
          DataSource: { S3DataSource: { S3DataType: "S3Prefix", S3Uri: "s3://data/in/" } },
          ContentType: "text/csv",
          SplitType: "Line",
        },
        TransformOutput: { S3OutputPath: "s3://out", AssembleWith: "Line" },
        TransformResources: { InstanceType: "ml.m5.large", InstanceCount: 1 },
        ...more,
      } as never,
      context,
    );
  }

  async describe(TransformJobName: string): Promise<DescribeTransformJobResponse> {
    return this.api.DescribeTransformJob!({ TransformJobName }, context);
  }

  async stop(TransformJobName: string): Promise<void> {
    await this.api.StopTransformJob!({ TransformJobName }, context);
  }

  /** Lets time pass until the job has ended. */
  async ended(name: string): Promise<DescribeTransformJobResponse> {
    await this.until(async () => !/ing$|InProgress/.test((await this.describe(name)).TransformJobStatus!));
    return this.describe(name);
  }

  /** Lets time pass, and the disk work, until it holds. */
  async until(holds: () => boolean | Promise<boolean>): Promise<void> {
    while (!(await holds())) {
      await this.clock.advance(50);
      for (let turn = 0; turn < 5; turn++) await settle();
    }
  }

  /** The job's fleet is gone. */
  async retired(): Promise<void> {
    await this.until(() => this.engine.fleets().length === 0);
  }

  async uid(name: string): Promise<string> {
    return (await this.store.get(TransformJobKind, name))!.uid;
  }

  checkpoint(job: string, key: string): Checkpoint | undefined {
    return this.#table!.checkpoint(job, key);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closing = this.#life.dead ? undefined : this.jobs[Symbol.asyncDispose]();
    await closing;
    this.#table?.[Symbol.dispose]();
    await this.disk[Symbol.asyncDispose]();
    await rm(this.#dir, { recursive: true, force: true });
  }
}

/** The instance ends under the request. */
export const broke = () => new InstanceBroke("it closed the connection", true);
