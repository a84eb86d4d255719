import type { MetricAlarm, PutMetricAlarmInput } from "@aws-sdk/client-cloudwatch";
import { silentLog } from "../../../src/base/log.ts";
import { openAutoscaling } from "../../../src/capabilities/autoscaling/autoscaling.ts";
import type { AutoscalingPorts } from "../../../src/capabilities/autoscaling/ports.ts";
import {
  type Deployment,
  EndpointKind,
  type EndpointStatus,
} from "../../../src/capabilities/hosting/kinds.ts";
import { MemoryStore } from "../../../src/state/memory-store.ts";
import type { Context } from "../../../src/wire/context.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { SeededRandom } from "../../support/seeded-random.ts";

export const ID = {
  ServiceNamespace: "sagemaker",
  ResourceId: "endpoint/iris/variant/main",
  ScalableDimension: "sagemaker:variant:DesiredInstanceCount",
} as const;

/** Alarms that are on when a test says so. */
export class FakeAlarms {
  readonly all = new Map<string, PutMetricAlarmInput>();
  readonly on = new Set<string>();
  /** By alarm. */
  readonly values = new Map<string, number>();

  async put(alarm: PutMetricAlarmInput): Promise<void> {
    this.all.set(alarm.AlarmName!, alarm);
  }
  async delete(names: readonly string[]): Promise<void> {
    for (const name of names) this.all.delete(name);
  }
  async naming(policyArn: string): Promise<string[]> {
    return [...this.all]
      .filter(([, { AlarmActions }]) => AlarmActions?.includes(policyArn))
      .map(([name]) => name);
  }
  async firing(policyArn: string): Promise<MetricAlarm[]> {
    return (await this.naming(policyArn))
      .filter((name) => this.on.has(name))
      .map((name) => this.all.get(name)!);
  }
  async lastValue({ AlarmName }: MetricAlarm): Promise<number | undefined> {
    return this.values.get(AlarmName!);
  }
  /** The alarm of a target tracking policy for too little or too much is on, and no other, at this value. */
  say(which: "High" | "Low", value: number): void {
    this.on.clear();
    for (const name of this.all.keys())
      if (name.includes(`Alarm${which}`)) {
        this.on.add(name);
        this.values.set(name, value);
      }
  }
}

const plan = (instanceCount: number, asyncInference: boolean): Deployment =>
  ({
    revision: 1,
    configName: "v1",
    variants: [{ name: "main", instanceCount, weight: 1 }],
    ...(asyncInference && { asyncInference: {} }),
  }) as unknown as Deployment;

/** Autoscaling beside an endpoint `iris` whose variant `main` has this many instances. */
export async function setUp({ instances = 2, asyncInference = false } = {}) {
  const clock = new FakeClock();
  const random = new SeededRandom(1);
  const store = new MemoryStore({ clock, random });
  const alarms = new FakeAlarms();
  const asked: number[] = [];
  /** What UpdateEndpointWeightsAndCapacities does; a test may make it fail. */
  const capacity = { fail: undefined as Error | undefined };
  await store.create(EndpointKind, {
    name: "iris",
    arn: "arn:iris",
    spec: plan(instances, asyncInference),
    status: { state: "InService", since: 0, progress: {}, digests: {}, draining: {} },
  });
  const endpoint = async () => (await store.get(EndpointKind, "iris"))!;
  const change = async (status: Partial<EndpointStatus>, to?: number) =>
    store.update(EndpointKind, await endpoint(), {
      ...(to !== undefined && { spec: plan(to, asyncInference) }),
      status: { ...(await endpoint()).status, ...status },
    });
  const ports: { -readonly [Port in keyof AutoscalingPorts]: AutoscalingPorts[Port] } = {
    account: { region: "us-east-1", accountId: "000000000000" },
    store,
    clock,
    random,
    log: silentLog,
    alarms,
    async setCapacity(_name, _variant, to) {
      const count = "instanceCount" in to ? to.instanceCount : to.provisionedConcurrency;
      asked.push(count);
      if (capacity.fail) throw capacity.fail;
      await change({ state: "Updating" }, count);
      await change({ state: "InService" });
    },
  };
  const open = () => openAutoscaling(ports);
  const scaling = await open();
  const call = <Operation extends keyof typeof scaling.handlers>(
    operation: Operation,
    input: Parameters<NonNullable<(typeof scaling.handlers)[Operation]>>[0],
  ) =>
    (scaling.handlers[operation] as (input: unknown, context: Context) => Promise<any>)(input, {} as Context);
  const instancesNow = async () => (await endpoint()).spec.variants[0]!.instanceCount;
  const activities = async (all = false) =>
    (
      (await call("DescribeScalingActivities", {
        ServiceNamespace: "sagemaker",
        ResourceId: ID.ResourceId,
        IncludeNotScaledActivities: all,
      })) as {
        ScalingActivities: {
          StatusCode: string;
          Description: string;
          Cause: string;
          StatusMessage: string;
        }[];
      }
    ).ScalingActivities;
  return {
    clock,
    store,
    alarms,
    asked,
    capacity,
    ports,
    open,
    scaling,
    call,
    endpoint,
    change,
    instancesNow,
    activities,
  };
}

/** With a target of 1 to 10 instances and a policy that holds 100 invocations an instance. */
export async function tracked(options: Parameters<typeof setUp>[0] = {}, policy: object = {}) {
  const all = await setUp(options);
  await all.call("RegisterScalableTarget", { ...ID, MinCapacity: 1, MaxCapacity: 10 });
  await all.call("PutScalingPolicy", {
    ...ID,
    PolicyName: "hold-100",
    PolicyType: "TargetTrackingScaling",
    TargetTrackingScalingPolicyConfiguration: {
      TargetValue: 100,
      PredefinedMetricSpecification: { PredefinedMetricType: "SageMakerVariantInvocationsPerInstance" },
      ...policy,
    },
  });
  await all.clock.advance(10);
  return all;
}
