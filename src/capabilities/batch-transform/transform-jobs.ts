/**
 * Brings each transform job to its end: a fleet, the work, the end, no fleet. Level-triggered like every controller;
 * what a job has done is in its table, so the same steps take it up after a crash.
 */
import { type Clock, sleep } from "../../base/clock.ts";
import type { Log } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import type { Engine, FleetStatus, InstanceStatus } from "../../compute/engine.ts";
import { notStarted, readyInstances } from "../../compute/fleet-status.ts";
import type { CallInstance } from "../../dataplane/instance-call.ts";
import type { PartStore } from "../../objects/object-store.ts";
import { type Controller, type Next, type Reconcile, runController } from "../../state/controller.ts";
import type { Resource } from "../../state/resource.ts";
import { Conflict, type ResourceStore } from "../../state/store.ts";
import type { MetricSink } from "../../telemetry/metrics.ts";
import { Budget } from "./budget.ts";
import type { AskInstance } from "./instance-client.ts";
import { fleetOf, fleetSpec, jobOfFleet, READY_WITHIN_MS } from "./job-fleet.ts";
import type { JobTable } from "./job-table.ts";
import { TransformJobKind, type TransformJobSpec, type TransformStatus } from "./kinds.ts";
import { recordProgress } from "./job-metrics.ts";
import { type Progress, progressOf } from "./progress.ts";
import { asksContainer, containerParameters, type Settings, settingsOf } from "./settings.ts";
import { type Outcome, TransformRun } from "./transform-run.ts";

export interface TransformJobsPorts {
  readonly store: ResourceStore;
  readonly engine: Engine;
  readonly objects: PartStore;
  readonly table: JobTable;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly ask: AskInstance;
  readonly call: CallInstance;
  readonly metrics: MetricSink;
}

type Job = Resource<TransformJobSpec, TransformStatus>;

/** What all jobs together may hold in memory. */
const BUDGET = 160 * 1024 ** 2;
/** Jobs with instances at once; others wait. */
const MOST_RUNNING = 8;
const LOOK_MS = 1_000;
/** An engine that fails to stop a fleet is asked again. */
const STOP_POLL_MS = 5_000;
/** Of the 5 s in which a job is to be stopped: how long a store may take to let go. */
const LET_GO_MS = 3_000;
const PARAMETERS_MS = 5_000;
const LATE = `InternalServerError: The instances were not ready after ${READY_WITHIN_MS / 1000} s.`;

interface Running {
  readonly run: TransformRun;
  outcome?: Outcome;
}

export class TransformJobs implements AsyncDisposable {
  readonly #ports: TransformJobsPorts;
  readonly #budget = new Budget(BUDGET);
  /** By the job's uid. */
  readonly #runs = new Map<string, Running>();
  readonly #began: number;
  #controller: Controller | undefined;
  #unwatch = () => {};

  private constructor(ports: TransformJobsPorts) {
    this.#ports = ports;
    this.#began = ports.clock.now();
  }

  /** Takes up every job that is under way. */
  static async open(ports: TransformJobsPorts): Promise<TransformJobs> {
    const jobs = new TransformJobs(ports);
    const reconcile: Reconcile = (name, signal) => jobs.#reconcile(name, signal);
    jobs.#controller = await runController(ports.store, TransformJobKind, reconcile, ports);
    jobs.#unwatch = ports.engine.watch((fleet) => {
      const name = jobOfFleet(fleet);
      if (name === undefined) return;
      jobs.#controller!.enqueue(name);
      for (const { run } of jobs.#runs.values()) run.look();
    });
    return jobs;
  }

  /** How far a job is. */
  progress({ uid, status }: Job): Progress {
    const running = this.#runs.get(uid);
    if (running) return running.run.progress();
    const totals = status.totals ?? this.#ports.table.totals(uid);
    const elapsed = (status.endedAt ?? 0) - (status.startedAt ?? 0);
    const total = status.state === "Completed" && { total: { objects: totals.objects, bytes: totals.bytes } };
    return progressOf({ ...totals, ...total }, { records: 0, bytes: 0 }, status.endedAt ? elapsed : 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#unwatch();
    await this.#controller?.stop();
    for (const { run } of this.#runs.values()) run.stop();
    await Promise.all([...this.#runs.values()].map(({ run }) => run.ended));
  }

  async #reconcile(name: string, signal: AbortSignal): Promise<Next> {
    const job = await this.#ports.store.get(TransformJobKind, name);
    if (!job) return "done";
    try {
      if (job.status.state === "InProgress") return await this.#drive(job, signal);
      if (job.status.state === "Stopping") return await this.#stop(job);
      return await this.#retire(job);
    } catch (error) {
      if (error instanceof Conflict) return { afterMs: 0 };
      throw error;
    }
  }

  async #drive(job: Job, signal: AbortSignal): Promise<Next> {
    const { clock } = this.#ports;
    const running = this.#runs.get(job.uid);
    if (running?.outcome) {
      const { outcome } = running;
      recordProgress(this.#ports.metrics, job.name, running.run.progress());
      if (outcome.kind === "failed") return this.#end(job, "Failed", outcome.reason);
      return this.#end(job, "Completed");
    }
    if (!running && !this.#hasTurn(job)) return { afterMs: LOOK_MS };
    const fleet = await this.#fleet(job);
    if (!fleet) return this.#end(job, "Failed", `${LATE} The server's log says why.`);
    if (fleet.failure)
      return this.#end(
        job,
        "Failed",
        `AlgorithmError: ${notStarted(`transform job ${job.name}`, fleet.failure)}`,
      );
    if (running) {
      recordProgress(this.#ports.metrics, job.name, running.run.progress());
      return { afterMs: LOOK_MS };
    }
    const known = await this.#record(job, {
      ...(fleet.digest !== undefined && { digest: fleet.digest }),
      ...(fleet.codeDigest !== undefined && { codeDigest: fleet.codeDigest }),
    });
    const ready = readyInstances(fleet);
    const { settings } = known.status;
    if (ready.length < (settings ? 1 : fleet.desired)) {
      return this.#overdue(job) ? this.#end(job, "Failed", LATE) : { afterMs: LOOK_MS };
    }
    if (settings) this.#begin(known, settings);
    else {
      const agreed = await this.#agree(known, ready[0]!, signal);
      this.#begin(await this.#record(known, { settings: agreed, startedAt: clock.now() }), agreed);
    }
    return { afterMs: LOOK_MS };
  }

  /** The job's fleet; undefined when the engine refused to be asked for it until its time was over. */
  async #fleet(job: Job): Promise<FleetStatus | undefined> {
    try {
      return await this.#ports.engine.apply(fleetSpec(job));
    } catch (error) {
      if (!this.#overdue(job)) throw error;
      this.#ports.log.error("the instances of a transform job could not be started", {
        job: job.name,
        error,
      });
      return undefined;
    }
  }

  /** A server that was down for long gives what it finds in progress its whole time again. */
  #overdue(job: Job): boolean {
    return this.#ports.clock.now() >= Math.max(job.createdAt, this.#began) + READY_WITHIN_MS;
  }

  /** Those that were begun go on; of the others the oldest come first. */
  #hasTurn(job: Job): boolean {
    const fleets = this.#ports.engine.fleets().filter(({ id }) => jobOfFleet(id) !== undefined);
    return fleets.length < MOST_RUNNING || fleets.some(({ id }) => id === fleetOf(job));
  }

  #begin(job: Job, settings: Settings): void {
    const { engine } = this.#ports;
    const run = new TransformRun(job, settings, {
      ...this.#ports,
      budget: this.#budget,
      instances: () => {
        const fleet = engine.status(fleetOf(job));
        return fleet ? readyInstances(fleet).map(({ id, address }) => ({ id, address: address! })) : [];
      },
      suspect: (instance) => engine.suspect(instance),
    });
    const running: Running = { run };
    this.#runs.set(job.uid, running);
    void run.ended.then((outcome) => {
      running.outcome = outcome;
      this.#controller?.enqueue(job.name.toLowerCase());
    });
  }

  /** What the container and the request make of each other. */
  async #agree({ spec }: Job, first: InstanceStatus, signal: AbortSignal): Promise<Settings> {
    if (!asksContainer(spec.request)) return settingsOf(spec.request);
    const request = {
      method: "GET",
      path: "/execution-parameters",
      headers: [],
      body: new Uint8Array(),
    } as const;
    const instance = { id: first.id, address: first.address! };
    const reply = await this.#ports.ask(instance, request, PARAMETERS_MS, signal).catch(() => undefined);
    signal.throwIfAborted();
    return settingsOf(spec.request, reply?.status === 200 ? containerParameters(reply.body.toString()) : {});
  }

  async #stop(job: Job): Promise<Next> {
    const running = this.#runs.get(job.uid);
    running?.run.stop();
    const { clock } = this.#ports;
    const soon = sleep(clock, LET_GO_MS);
    if (running) await Promise.race([running.run.ended, soon]);
    await Promise.race([this.#abortUploads(job), soon]);
    return this.#end(job, "Stopped");
  }

  async #end(job: Job, state: "Completed" | "Failed" | "Stopped", reason?: string): Promise<Next> {
    const { store, clock, table, log } = this.#ports;
    const { uid } = job;
    const status: TransformStatus = {
      ...job.status,
      state,
      endedAt: clock.now(),
      totals: table.totals(uid),
      ...(reason !== undefined && { failureReason: reason }),
    };
    await store.update(TransformJobKind, job, { status, reason: reason ?? `The job is ${state}.` });
    log.info("a transform job has ended", { job: job.name, state, ...(reason !== undefined && { reason }) });
    return { afterMs: 0 };
  }

  /** Of a job that has ended nothing is left but its outputs. */
  async #retire(job: Job): Promise<Next> {
    const { engine, table, log } = this.#ports;
    const running = this.#runs.get(job.uid);
    running?.run.stop();
    const fleet = fleetOf(job);
    if (engine.status(fleet)) {
      // a container may take its time: whoever waits for it here keeps the server from its own end
      engine
        .delete(fleet)
        .catch((error: unknown) => log.error("a fleet could not be stopped", { fleet, error }));
      return { afterMs: STOP_POLL_MS };
    }
    await running?.run.ended;
    this.#runs.delete(job.uid);
    await this.#abortUploads(job);
    table.remove(job.uid);
    return "done";
  }

  async #abortUploads({ uid }: Job): Promise<void> {
    const { table, objects } = this.#ports;
    for (const { bucket, key, upload } of table.uploads(uid)) await objects.abortUpload(bucket, key, upload);
  }

  async #record(job: Job, news: Partial<TransformStatus>): Promise<Job> {
    const status = { ...job.status, ...news };
    if (JSON.stringify(status) === JSON.stringify(job.status)) return job;
    return this.#ports.store.update(TransformJobKind, job, { status });
  }
}
