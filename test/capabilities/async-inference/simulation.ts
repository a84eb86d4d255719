/**
 * The queue under a virtual clock with everything around it going wrong by chance: instances break, hang and refuse,
 * storage and topics fail, and control dies at any moment, with what it had not written yet.
 */
import { silentLog } from "../../../src/base/log.ts";
import { InstanceBroke, type CallInstance } from "../../../src/dataplane/instance-call.ts";
import { RequestTable } from "../../../src/capabilities/async-inference/request-table.ts";
import { AsyncWorker } from "../../../src/capabilities/async-inference/worker.ts";
import type { EndpointRoute } from "../../../src/dataplane/routing-table.ts";
import { NoSuchObject, type ObjectInfo, type ObjectStore } from "../../../src/objects/object-store.ts";
import type { ResourceStore } from "../../../src/state/store.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { SeededRandom } from "../../support/seeded-random.ts";
import { requestOf } from "./requests.ts";

const REQUESTS = 12;
const PER_INSTANCE = 2;
/** Of virtual time: by then everything has expired. */
const LONGEST_MS = 7_200_000;
const INSTANCES = ["i1", "i2"];

/** What happened, and whatever should not have. */
export interface Findings {
  readonly problems: string[];
  readonly crashes: number;
  readonly executions: number;
  readonly results: number;
  readonly failures: number;
}

/** Never settles: what a process that was killed still waits for. */
const never = <Result>() => new Promise<Result>(() => {});

export async function simulate(seed: number): Promise<Findings> {
  const world = new World(seed);
  return world.run();
}

class World {
  readonly #random: SeededRandom;
  readonly #clock = new FakeClock(0);
  readonly #table = new RequestTable(":memory:", (error) => {
    throw error;
  });
  readonly #objects = new Map<string, string>();
  readonly #notices = new Map<string, Set<string>>();
  readonly #acknowledged = new Set<string>();
  readonly #problems: string[] = [];
  #executions = 0;
  #crashes = 0;
  /** What each process of control is told by: dead ones hear nothing and do nothing. */
  #life = { alive: true };

  constructor(seed: number) {
    this.#random = new SeededRandom(seed);
  }

  async run(): Promise<Findings> {
    const { clock, random } = { clock: this.#clock, random: this.#random };
    let worker = await this.#during(this.#start());
    for (let asked = 0; asked < REQUESTS;) {
      if (this.#chance(0.25)) {
        this.#life.alive = false;
        this.#crashes++;
        await clock.advance(random.number() * 3000);
        worker = await this.#during(this.#start());
      }
      void this.#ask(`r${asked++}`, this.#life, worker);
      await clock.advance(random.number() * 4000);
    }
    for (let spent = 0; spent < LONGEST_MS && this.#busy(); spent += 5000) await clock.advance(5000);
    this.#judge();
    const keys = [...this.#objects.keys()];
    await this.#during(worker[Symbol.asyncDispose]());
    this.#table[Symbol.dispose]();
    return {
      problems: this.#problems,
      crashes: this.#crashes,
      executions: this.#executions,
      results: keys.filter((key) => key.startsWith("out/")).length,
      failures: keys.filter((key) => key.startsWith("failures/")).length,
    };
  }

  async #ask(id: string, life: { alive: boolean }, worker: AsyncWorker): Promise<void> {
    this.#objects.set(`in/${id}`, id);
    const receivedAt = this.#clock.now();
    const request = requestOf(id, {
      receivedAt,
      expiresAt: receivedAt + 3_600_000,
      timeoutSeconds: 5,
      notify: { successTopic: "good", errorTopic: "bad", responseIn: [] },
    });
    await this.#table.add(request);
    if (!life.alive) return; // written, and the answer was lost
    this.#acknowledged.add(id);
    worker.added("uid");
  }

  async #start(): Promise<AsyncWorker> {
    const life = (this.#life = { alive: true });
    const worker = await AsyncWorker.open({
      table: this.#tableOf(life),
      store: endpointStore,
      objects: this.#objectsOf(life),
      clock: this.#clock,
      random: this.#random,
      log: silentLog,
      region: "us-east-1",
      publish: (topic, message) => this.#publish(life, topic, message),
      wake: async () => {},
      suspect: () => {},
      call: this.#callOf(life),
    });
    await worker.routed("later", route);
    return worker;
  }

  /** The table as a process sees it that may die before, or after, what it writes is on the disk. */
  #tableOf(life: { alive: boolean }): RequestTable {
    return new Proxy(this.#table, {
      get: (table, name: keyof RequestTable) => {
        const method = table[name] as (...values: unknown[]) => unknown;
        if (name === "body" || name === "backlog" || name === "expired" || name === "queued")
          return (...values: unknown[]) =>
            life.alive
              ? method.apply(table, values)
              : name === "backlog"
                ? 0
                : name === "body"
                  ? undefined
                  : [];
        if (name === "ended" || name === "endpoints") return method.bind(table);
        return async (...values: unknown[]) => {
          await this.#pause(5);
          if (!life.alive) return never();
          const result = await (method.apply(table, values) as Promise<unknown>);
          return life.alive ? result : never();
        };
      },
    });
  }

  #objectsOf(life: { alive: boolean }): ObjectStore {
    const found = (key: string): ObjectInfo => {
      const content = this.#objects.get(key);
      if (content === undefined) throw new NoSuchObject(`There is no object ${key}.`);
      return { key, size: content.length, etag: "", modifiedAt: 0 };
    };
    return {
      head: async (_, key) => {
        await this.#pause(20);
        return life.alive ? found(key) : never();
      },
      get: async (_, key) => {
        const info = found(key);
        const content = this.#objects.get(key)!;
        return {
          info,
          body: (async function* () {
            yield Buffer.from(content);
          })(),
        };
      },
      put: async (_, key, body) => {
        const chunks: Uint8Array[] = [];
        if (body instanceof Uint8Array) chunks.push(body);
        else for await (const chunk of body) chunks.push(chunk);
        await this.#pause(300);
        if (!life.alive) return never();
        if (this.#chance(0.05)) throw new Error("The storage is away.");
        const content = Buffer.concat(chunks).toString();
        const before = this.#objects.get(key);
        if (before !== undefined && before !== content) this.#problems.push(`${key} was replaced`);
        this.#objects.set(key, content);
        await this.#pause(100);
        return life.alive ? found(key) : never();
      },
      list: () => {
        throw new Error("nobody lists");
      },
      [Symbol.asyncDispose]: async () => {},
    };
  }

  #callOf(life: { alive: boolean }): CallInstance {
    const busy = new Map<string, number>();
    return async ({ address, body, signal }) => {
      const place = address.kind === "unix" ? address.path : "";
      const now = (busy.get(place) ?? 0) + 1;
      busy.set(place, now);
      if (now > PER_INSTANCE) this.#problems.push(`${place} had ${now} requests at once`);
      try {
        if (this.#chance(0.05)) throw new InstanceBroke("refused", false);
        let input = "";
        for await (const chunk of body) input += Buffer.from(chunk).toString();
        const execution = ++this.#executions;
        if (this.#chance(0.08)) await this.#hang(signal);
        await this.#pause(2000);
        if (!life.alive) return await never();
        signal.throwIfAborted();
        if (this.#chance(0.15)) throw new InstanceBroke("socket hang up", true);
        const answer = async function* (broken: boolean) {
          yield Buffer.from(`${input} `);
          if (broken) throw new InstanceBroke("cut", true);
          yield Buffer.from(String(execution));
        };
        return {
          status: this.#chance(0.08) ? 500 : 200,
          contentType: "text/plain",
          body: answer(this.#chance(0.05)),
        };
      } finally {
        busy.set(place, busy.get(place)! - 1);
      }
    };
  }

  async #publish(life: { alive: boolean }, topic: string, message: string): Promise<void> {
    await this.#pause(50);
    if (!life.alive) return never();
    if (this.#chance(0.1)) throw new Error("The topic is away.");
    const { inferenceId, invocationStatus } = JSON.parse(message) as Record<string, string>;
    if ((topic === "good") !== (invocationStatus === "Completed"))
      this.#problems.push(`${topic} got ${message}`);
    const told = this.#notices.get(inferenceId!) ?? new Set();
    this.#notices.set(inferenceId!, told.add(invocationStatus!));
    await this.#pause(50);
    if (!life.alive) return never();
  }

  /** Lets time pass for what waits for it. */
  async #during<Result>(work: Promise<Result>): Promise<Result> {
    await this.#clock.advance(1000);
    return work;
  }

  #busy(): boolean {
    return this.#table.endpoints().length > 0 || this.#table.ended().length > 0;
  }

  /** Every request that was acknowledged has one end, which is where it belongs, and was told. */
  #judge(): void {
    for (const id of this.#acknowledged) {
      const result = this.#objects.get(`out/${id}.out`);
      const failure = this.#objects.get(`failures/${id}-error.out`);
      if (result === undefined && failure === undefined) this.#problems.push(`${id} is lost`);
      if (result !== undefined && failure !== undefined)
        this.#problems.push(`${id} has a result and a failure`);
      if (result !== undefined && !result.startsWith(`${id} `)) this.#problems.push(`${id} has ${result}`);
      const told = [...(this.#notices.get(id) ?? [])];
      const wanted = result === undefined ? "Failed" : "Completed";
      if (told.length !== 1 || told[0] !== wanted) this.#problems.push(`${id} was told as [${told.join()}]`);
    }
    if (this.#busy()) this.#problems.push("the queue is not empty");
  }

  #chance(of: number): boolean {
    return this.#random.number() < of;
  }

  #pause(mostMs: number): Promise<void> {
    return new Promise((resolve) => this.#clock.after(this.#random.number() * mostMs, resolve));
  }

  #hang(signal: AbortSignal): Promise<never> {
    return new Promise((_, reject) =>
      signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true }),
    );
  }
}

const route: EndpointRoute = {
  name: "later",
  arn: "arn",
  timeoutMs: 60_000,
  maxOutstanding: 1,
  asynchronous: true,
  variants: [
    {
      name: "AllTraffic",
      fleet: "fleet",
      weight: 1,
      routing: "RANDOM",
      instances: INSTANCES.map((id) => ({ id, address: { kind: "unix", path: id } })),
    },
  ],
};

/** Holds the one endpoint. */
const endpointStore = {
  names: async () => ["later"],
  get: async () => {
    const asyncInference = { ClientConfig: { MaxConcurrentInvocationsPerInstance: PER_INSTANCE } };
    const spec = { asyncInference, variants: [{ instanceCount: 2, weight: 1 }] };
    return { uid: "uid", name: "later", spec, status: { state: "InService", live: spec } };
  },
} as unknown as ResourceStore;
