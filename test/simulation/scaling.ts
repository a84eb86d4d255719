import type { MetricAlarm, PutMetricAlarmInput } from "@aws-sdk/client-cloudwatch";
import type { Log } from "../../src/base/log.ts";
import { type Autoscaling, openAutoscaling } from "../../src/capabilities/autoscaling/autoscaling.ts";
import {
  ScalableTargetKind,
  type ScalableTargetSpec,
  ScalingActivityKind,
  ScalingPolicyKind,
} from "../../src/capabilities/autoscaling/kinds.ts";
import type { AlarmPort } from "../../src/capabilities/autoscaling/ports.ts";
import { INSTANCE_COUNT, targetName } from "../../src/capabilities/autoscaling/scalable.ts";
import { type Deployment, EndpointKind, type EndpointStatus } from "../../src/capabilities/hosting/kinds.ts";
import { MemoryStore } from "../../src/state/memory-store.ts";
import { Conflict } from "../../src/state/store.ts";
import type { Context } from "../../src/wire/context.ts";
import { Chronicle } from "./chronicle.ts";
import { Dice } from "./dice.ts";
import { InjectedFault, Life, type Surroundings } from "./life.ts";
import type { Outcome } from "./simulation.ts";
import { SimulatedStore } from "./simulated-store.ts";
import { VirtualTime } from "./virtual-time.ts";

const MINUTE = 60_000;
const ID = { resourceId: "endpoint/iris/variant/main", dimension: INSTANCE_COUNT } as const;
const REQUEST = {
  ServiceNamespace: "sagemaker",
  ResourceId: ID.resourceId,
  ScalableDimension: INSTANCE_COUNT,
} as const;
const TARGET = 600;
const TROUBLED_MS = 90 * MINUTE;
const CALM_MS = 60 * MINUTE;
const CALM = { crashAtPort: 0, slowPorts: 0 };

/**
 * Autoscaling beside an endpoint, its traffic and people who change their minds, on a virtual clock: control dies at any
 * await point, updates take their time and fail, metrics have gaps. Then nothing more goes wrong, and all must be as the
 * traffic asks.
 */
export class ScalingWorld implements Surroundings {
  readonly time = new VirtualTime();
  readonly dice: Dice;
  readonly chronicle: Chronicle;
  readonly plan: { crashAtPort: number; slowPorts: number };
  readonly #disk: MemoryStore;
  readonly #alarms = new Map<string, PutMetricAlarmInput>();
  readonly #on = new Set<string>();
  /** The metric that is followed, minute by minute; undefined where there is a gap. */
  readonly #perInstance: (number | undefined)[] = [];
  readonly #cooldown: { readonly out: number; readonly in: number };
  readonly #gaps: number;
  readonly #updateFails: number;
  readonly #meddling: number;
  #rate = 5;
  /** Every bounds that were acknowledged or may have been. */
  readonly #bounds: { readonly until: number; readonly min: number; readonly max: number }[] = [];
  #lives = 0;
  #life: Life | undefined;
  #autoscaling: Autoscaling | undefined;
  /** Changes that policies asked for, by the activity that says so: whenever and however often control died in between. */
  readonly #seen = new Set<string>();
  #last: { at: number; from: number; to: number } | undefined;

  constructor(seed: number, print?: (line: string) => void) {
    const dice = (this.dice = new Dice(seed));
    this.chronicle = new Chronicle(() => this.time.now, print);
    this.plan = {
      crashAtPort: dice.chance(0.7) ? dice.between(0.001, 0.03) : 0,
      slowPorts: dice.chance(0.5) ? dice.between(0.05, 0.3) : 0,
    };
    this.#cooldown = { out: dice.whole(8) * MINUTE, in: dice.whole(8) * MINUTE };
    this.#gaps = dice.chance(0.4) ? dice.between(0.02, 0.2) : 0;
    this.#updateFails = dice.chance(0.3) ? dice.between(0.1, 0.5) : 0;
    this.#meddling = dice.chance(0.3) ? dice.between(0.01, 0.05) : 0;
    this.#disk = new MemoryStore({ clock: new Life(this, 0).clock, random: dice });
  }

  async run(): Promise<void> {
    await this.#disk.create(EndpointKind, {
      name: "iris",
      arn: "arn:iris",
      spec: deployment(2),
      status: { state: "InService", since: 0, progress: {}, digests: {}, draining: {} },
    });
    void this.#begin();
    await this.#ask(async ({ handlers }, context) => {
      await handlers.RegisterScalableTarget!({ ...REQUEST, MinCapacity: 1, MaxCapacity: 8 }, context);
    });
    await this.#ask(async ({ handlers }, context) => {
      await handlers.PutScalingPolicy!(policy("steady", TARGET, this.#cooldown) as never, context);
    });
    this.#everyMinute();
    await this.time.runUntil(TROUBLED_MS, () => this.chronicle.violations.length > 0);
    Object.assign(this.plan, CALM);
    this.#rate = this.dice.pick([0, 3, 25, 60, 200]);
    await this.time.runUntil(TROUBLED_MS + CALM_MS, () => this.chronicle.violations.length > 0);
    if (this.chronicle.violations.length === 0) await this.#judgeTheEnd();
    this.#life?.end();
  }

  killControl(): void {
    if (!this.#life) return;
    this.#life.end();
    this.#life = this.#autoscaling = undefined;
    this.time.after(this.dice.between(50, 90_000), () => void this.#begin());
  }

  async #begin(): Promise<void> {
    const life = (this.#life = new Life(this, ++this.#lives));
    this.chronicle.note(`control ${life.number} starts`);
    const store = new SimulatedStore(this.#disk, life, (kind, name, resource) => {
      this.chronicle.note(`${kind.name} ${name}`);
      if (kind.name === ScalableTargetKind.name && resource)
        this.#boundsAre(resource.spec as ScalableTargetSpec);
    });
    const autoscaling = await openAutoscaling({
      account: { region: "us-east-1", accountId: "000000000000" },
      store,
      clock: life.clock,
      random: this.dice,
      log: this.#log(),
      alarms: this.#alarmPort(life),
      setCapacity: (_endpoint, _variant, capacity) =>
        life.port("the change of a capacity", () =>
          this.#setCapacity((capacity as { instanceCount: number }).instanceCount, "autoscaling"),
        ),
    });
    if (!life.ended) this.#autoscaling = autoscaling;
  }

  #boundsAre({ min, max }: ScalableTargetSpec): void {
    const before = this.#bounds.pop();
    if (before)
      this.#bounds.push({
        ...before,
        until: before.min === min && before.max === max ? Infinity : this.#wall(),
      });
    if (before?.min !== min || before.max !== max) this.#bounds.push({ min, max, until: Infinity });
  }

  #wall(): number {
    return new Life(this, 0).clock.now();
  }

  /** A call of a client, again until one control lived long enough to answer it. */
  async #ask(call: (autoscaling: Autoscaling, context: Context) => Promise<void>): Promise<void> {
    let answered = false;
    const attempt = (): void => {
      if (answered) return;
      this.time.after(100_000, attempt);
      const autoscaling = this.#autoscaling;
      if (autoscaling)
        void call(autoscaling, {} as Context).then(
          () => (answered = true),
          () => {},
        );
    };
    attempt();
    await this.time.runUntil(this.time.now + 30 * MINUTE, () => answered);
  }

  #everyMinute(): void {
    this.time.after(MINUTE, () => void this.#minute());
  }

  async #minute(): Promise<void> {
    this.#everyMinute();
    const { dice, time } = this;
    const troubled = time.now < TROUBLED_MS;
    if (troubled && dice.chance(0.04)) this.#rate = dice.pick([0, 2, 10, 25, 50, 90, 300]);
    if (troubled && dice.chance(0.01)) this.killControl();
    if (troubled && dice.chance(this.#meddling)) await this.#meddle();
    const capacity = await this.#capacity();
    const gap = troubled && dice.chance(this.#gaps);
    if (gap) this.chronicle.fault("a minute without a metric");
    this.#perInstance.push(gap ? undefined : (this.#rate * 60) / Math.max(1, capacity));
    for (const [name, alarm] of this.#alarms) this.#judgeAlarm(name, alarm);
  }

  #judgeAlarm(
    name: string,
    { EvaluationPeriods: periods = 1, ComparisonOperator, Threshold = 0, AlarmActions }: PutMetricAlarmInput,
  ): void {
    const range = this.#perInstance.slice(-periods);
    const breaches = (value: number | undefined) =>
      value !== undefined &&
      (ComparisonOperator === "GreaterThanThreshold" ? value > Threshold : value < Threshold);
    const on = range.length === periods && range.every(breaches);
    if (on && !this.#on.has(name)) void this.#autoscaling?.alarmed(AlarmActions![0]!).catch(() => {});
    if (on) this.#on.add(name);
    else this.#on.delete(name);
  }

  /** Somebody changes the bounds or the count by hand, or puts the policy anew. */
  async #meddle(): Promise<void> {
    const { dice } = this;
    const what = dice.whole(3);
    if (what === 0) {
      this.chronicle.fault("somebody sets the count by hand");
      await this.#setCapacity(1 + dice.whole(8), "somebody").catch(() => {});
    } else if (what === 1) {
      const min = 1 + dice.whole(3);
      const bounds = { min, max: min + dice.whole(6) };
      this.chronicle.fault("somebody sets other bounds");
      const autoscaling = this.#autoscaling;
      const target = { ...REQUEST, MinCapacity: bounds.min, MaxCapacity: bounds.max };
      void autoscaling?.handlers.RegisterScalableTarget!(target, {} as Context).catch(() => {});
    } else {
      this.chronicle.fault("somebody puts the policy anew");
      void this.#autoscaling?.handlers.PutScalingPolicy!(
        policy("steady", TARGET, this.#cooldown) as never,
        {} as Context,
      ).catch(() => {});
    }
  }

  async #setCapacity(to: number, who: string): Promise<void> {
    const endpoint = await this.#endpoint();
    if (endpoint.status.state !== "InService") throw new InjectedFault("Cannot update in-progress endpoint");
    const from = endpoint.spec.variants[0]!.instanceCount;
    this.chronicle.note(`${who} sets ${from} to ${to}`);
    if (who === "autoscaling") await this.#judgeChange(from, to);
    await this.#disk.update(EndpointKind, endpoint, {
      spec: deployment(to),
      status: { ...withoutReason(endpoint.status), state: "Updating" },
    });
    const fails = this.time.now < TROUBLED_MS && this.dice.chance(this.#updateFails);
    this.time.after(this.dice.between(200, fails ? 180_000 : 20_000), () => void this.#updated(from, fails));
  }

  async #updated(from: number, fails: boolean): Promise<void> {
    const endpoint = await this.#endpoint();
    const { status } = endpoint;
    if (!fails) {
      await this.#disk.update(EndpointKind, endpoint, { status: { ...status, state: "InService" } });
      return;
    }
    this.chronicle.fault("an update is rolled back");
    const back = await this.#disk.update(EndpointKind, endpoint, {
      spec: deployment(from),
      status: { ...status, state: "RollingBack" },
    });
    await this.#disk.update(EndpointKind, back, {
      status: { ...back.status, state: "InService", failureReason: "There was no room." },
    });
  }

  /** What autoscaling asks for must be allowed, and its cause must be on record. */
  async #judgeChange(from: number, to: number): Promise<void> {
    const { must } = this.chronicle.bound;
    const target = (await this.#disk.get(ScalableTargetKind, targetName(ID)))!;
    const { activity: name, lastOut, lastIn } = target.status;
    const activity = name === undefined ? undefined : await this.#disk.get(ScalingActivityKind, name);
    must(
      "a change has its activity on record",
      activity?.spec.change?.to === to,
      () => `${from} to ${to}: ${JSON.stringify(activity?.spec)}`,
    );
    if (!activity) return;
    const again = this.#seen.has(name!);
    this.#seen.add(name!);
    must(
      "what was noted is not done twice",
      !again || from === activity.spec.change!.from,
      () => `${name}: ${from} to ${to}`,
    );
    const byPolicy = activity.spec.cause.startsWith("monitor alarm");
    const valid = this.#bounds.filter(({ until }) => until >= activity.createdAt);
    must(
      "never above the maximum, never below the minimum",
      valid.some(({ min, max }) => to >= min && to <= max),
      () => `${to} with ${JSON.stringify(valid)}`,
    );
    must(
      "a change is noted with what was before it",
      [lastOut, lastIn].some((change) => change?.to === to && change.from === activity.spec.change!.from),
      () => JSON.stringify(target.status),
    );
    if (again || !byPolicy) return;
    const at = activity.createdAt;
    const before = this.#last;
    if (to < from && before) {
      const since = at - before.at;
      must(
        "no flapping inside a cooldown",
        since >= (before.to > before.from ? this.#cooldown.out : this.#cooldown.in),
        () => `${before.from} to ${before.to}, and ${since / 1000} s later ${from} to ${to}`,
      );
    }
    if (to < from) {
      const range = this.#perInstance.slice(-15);
      must(
        "nothing is taken away for want of data",
        range.every((value) => value !== undefined),
        () => JSON.stringify(range),
      );
    }
    this.#last = { at, from, to };
  }

  async #judgeTheEnd(): Promise<void> {
    const { must } = this.chronicle.bound;
    const capacity = await this.#capacity();
    const target = (await this.#disk.get(ScalableTargetKind, targetName(ID)))!;
    const { min, max } = target.spec;
    must(
      "in the end the capacity is within its bounds",
      capacity >= min && capacity <= max,
      () => `${capacity} with ${min} to ${max}`,
    );
    const perInstance = (this.#rate * 60) / capacity;
    const enough = perInstance <= TARGET || capacity === max;
    must(
      "in the end there is enough for the traffic",
      enough,
      () => `${capacity} instances have ${perInstance} each`,
    );
    const fewer = (this.#rate * 60) / (capacity - 1);
    const needed = capacity === min || fewer > TARGET * 0.9;
    must(
      "in the end there is no more than the traffic needs",
      needed,
      () => `${capacity} instances for ${this.#rate} requests a second`,
    );
    must(
      "in the end nothing is under way",
      target.status.activity === undefined,
      () => target.status.activity!,
    );
    const policies = await this.#disk.list(ScalingPolicyKind, {
      sortBy: "Name",
      descending: false,
      limit: 10,
    });
    const alarms = policies.items.flatMap(({ spec }) => spec.alarms).toSorted((a, b) => a.localeCompare(b));
    const there = [...this.#alarms.keys()].toSorted((a, b) => a.localeCompare(b));
    must(
      "in the end there are the policy's alarms and no others",
      String(there) === String(alarms),
      () => `${String(there)}; wanted ${String(alarms)}`,
    );
  }

  #alarmPort(life: Life): AlarmPort {
    const all = this.#alarms;
    const naming = (arn: string) =>
      [...all.values()].filter(({ AlarmActions }) => AlarmActions?.includes(arn));
    return {
      put: (alarm) => life.port("the put of an alarm", () => void all.set(alarm.AlarmName!, alarm)),
      delete: (names) =>
        life.port("the deletion of alarms", () => {
          for (const name of names) {
            all.delete(name);
            this.#on.delete(name);
          }
        }),
      naming: (arn) => life.port("a read", () => naming(arn).map(({ AlarmName }) => AlarmName!)),
      firing: (arn) =>
        life.port(
          "a read",
          () => naming(arn).filter(({ AlarmName }) => this.#on.has(AlarmName!)) as MetricAlarm[],
        ),
      lastValue: () => life.port("a read", () => this.#perInstance.at(-1)),
    };
  }

  #log(): Log {
    const judge = (message: string, { error }: { readonly error?: unknown } = {}) =>
      this.chronicle.must(
        "autoscaling logs no error but injected ones",
        error === undefined || error instanceof InjectedFault || error instanceof Conflict,
        () => `${message} ${(error as Error).stack}`,
      );
    return { debug: () => {}, info: () => {}, warn: judge, error: judge } as unknown as Log;
  }

  async #endpoint() {
    return (await this.#disk.get(EndpointKind, "iris"))!;
  }
  async #capacity(): Promise<number> {
    return (await this.#endpoint()).spec.variants[0]!.instanceCount;
  }
}

/** One run. The same seed does the same. */
export async function simulateScaling(seed: number, print?: (line: string) => void): Promise<Outcome> {
  const world = new ScalingWorld(seed, print);
  await world.run();
  const { violations, faults, checks } = world.chronicle;
  return {
    seed,
    violations,
    faults,
    checks,
    digest: world.chronicle.digest(),
    events: world.time.events,
    virtualMs: world.time.now,
  };
}

const deployment = (instanceCount: number) =>
  ({
    revision: 1,
    configName: "v1",
    variants: [{ name: "main", instanceCount, weight: 1 }],
  }) as unknown as Deployment;

function withoutReason(status: EndpointStatus): EndpointStatus {
  const { failureReason: _, ...rest } = status;
  return rest;
}

const policy = (
  PolicyName: string,
  TargetValue: number,
  cooldown: { readonly out: number; readonly in: number },
) => ({
  ...REQUEST,
  PolicyName,
  PolicyType: "TargetTrackingScaling",
  TargetTrackingScalingPolicyConfiguration: {
    TargetValue,
    PredefinedMetricSpecification: { PredefinedMetricType: "SageMakerVariantInvocationsPerInstance" },
    ScaleOutCooldown: cooldown.out / 1000,
    ScaleInCooldown: cooldown.in / 1000,
  },
});
