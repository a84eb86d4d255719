/** What the state changes of this server's resources are as events of AWS. */
import type { Metric } from "@aws-sdk/client-cloudwatch";
import { type Account, arn } from "../../base/arn.ts";
import type { Kind, Resource } from "../../state/resource.ts";
import type { PlacedEvent, ResourceStore } from "../../state/store.ts";
import { REMOVED } from "../../state/transition.ts";
import { TransformJobKind } from "../batch-transform/kinds.ts";
import { ALARM, type AlarmSpec } from "../cloudwatch/kinds.ts";
import { EndpointConfigKind, EndpointKind, ModelKind, type VariantPlan } from "../hosting/kinds.ts";
import { type BusEvent, eventId, eventTime } from "./bus-event.ts";

type Tags = Readonly<Record<string, string>>;

/** One kind of resource whose state changes are told. */
interface Told<Spec, Status extends { readonly state: string }> {
  readonly kind: Kind<Spec, Status>;
  readonly source: "aws.sagemaker" | "aws.cloudwatch";
  readonly type: string;
  readonly arnOf: (account: Account, name: string) => string;
  /** Undefined for changes that AWS does not tell. The resource is missing where it is gone, or another by now. */
  readonly detail: (
    change: PlacedEvent,
    arn: string,
    resource: Resource<Spec, Status> | undefined,
    tags: Tags,
  ) => object | undefined;
}

const told = <Spec, Status extends { readonly state: string }>(row: Told<Spec, Status>) => row;

/** `InService` as events say it: `IN_SERVICE`. */
const upperSnake = (state: string) => state.replaceAll(/(?<=[a-z])(?=[A-Z])/g, "_").toUpperCase();

const TOLD: readonly Told<any, any>[] = [
  told({
    kind: EndpointKind,
    source: "aws.sagemaker",
    type: "SageMaker Endpoint State Change",
    arnOf: (account, name) => arn(account, "sagemaker", `endpoint/${name.toLowerCase()}`),
    detail: (change, EndpointArn, endpoint, Tags) =>
      change.to === REMOVED
        ? undefined
        : {
            EndpointName: change.name,
            EndpointArn,
            ...(endpoint && {
              EndpointConfigName: endpoint.spec.configName,
              ProductionVariants: endpoint.spec.variants.map(variantOf),
              CreationTime: endpoint.createdAt,
            }),
            EndpointStatus: upperSnake(change.to),
            ...(change.to === "Failed" && { FailureReason: endpoint?.status.failureReason ?? change.reason }),
            LastModifiedTime: change.at,
            Tags,
          },
  }),
  told({
    kind: EndpointConfigKind,
    source: "aws.sagemaker",
    type: "SageMaker Endpoint Config State Change",
    arnOf: (account, name) => arn(account, "sagemaker", `endpoint-config/${name.toLowerCase()}`),
    detail: (change, EndpointConfigArn, config, Tags) => ({
      ...config?.spec,
      EndpointConfigName: change.name,
      EndpointConfigArn,
      ...(config && { CreationTime: config.createdAt }),
      Tags,
    }),
  }),
  told({
    kind: ModelKind,
    source: "aws.sagemaker",
    type: "SageMaker Model State Change",
    arnOf: (account, name) => arn(account, "sagemaker", `model/${name.toLowerCase()}`),
    detail: (change, ModelArn, model, Tags) => ({
      ...model?.spec,
      ModelName: change.name,
      ModelArn,
      ...(model && { CreationTime: model.createdAt }),
      Tags,
    }),
  }),
  told({
    kind: TransformJobKind,
    source: "aws.sagemaker",
    type: "SageMaker Transform Job State Change",
    arnOf: (account, name) => arn(account, "sagemaker", `transform-job/${name.toLowerCase()}`),
    detail: (change, TransformJobArn, job, Tags) => ({
      ...job?.spec.request,
      TransformJobName: change.name,
      TransformJobArn,
      TransformJobStatus: change.to,
      ...(change.to === "Failed" && { FailureReason: job?.status.failureReason ?? change.reason }),
      ...(job && {
        CreationTime: job.createdAt,
        TransformStartTime: job.status.startedAt,
        TransformEndTime: job.status.endedAt,
      }),
      Tags,
    }),
  }),
  told({
    kind: ALARM,
    source: "aws.cloudwatch",
    type: "CloudWatch Alarm State Change",
    arnOf: (account, name) => arn(account, "cloudwatch", `alarm:${name}`),
    detail: (change, _, alarm) =>
      change.from === undefined || change.to === REMOVED
        ? undefined
        : {
            alarmName: change.name,
            ...(alarm && { configuration: configurationOf(alarm.spec) }),
            previousState: { value: change.from },
            state: {
              value: change.to,
              reason: change.reason,
              ...(alarm?.status.transitionedAt === change.at && { reasonData: alarm.status.reasonData }),
              timestamp: new Date(change.at).toISOString().replace("Z", "+0000"),
            },
          },
  }),
];

/** The event that a state change is, or undefined where nobody is told of it. */
export async function stateChangeEvent(
  account: Account,
  store: ResourceStore,
  change: PlacedEvent,
): Promise<BusEvent | undefined> {
  const row = TOLD.find(({ kind }) => kind.name === change.kind);
  if (!row) return undefined;
  const found = await store.get(row.kind, change.name);
  const resource = found?.uid === change.uid && change.to !== REMOVED ? found : undefined;
  const resourceArn = resource?.arn ?? row.arnOf(account, change.name);
  const tags = Object.fromEntries((resource && (await store.tags(resource.arn))) ?? []);
  const detail = row.detail(change, resourceArn, resource, tags);
  return (
    detail && {
      version: "0",
      id: eventId(`${change.position} ${change.uid}`),
      "detail-type": row.type,
      source: row.source,
      account: account.accountId,
      time: eventTime(change.at),
      region: account.region,
      resources: [resourceArn],
      detail,
    }
  );
}

/** Whether anybody is told of state changes of the kind. */
export const isTold = (kind: string) => TOLD.some((row) => row.kind.name === kind);

const variantOf = ({ name, weight, instanceCount, serverless }: VariantPlan) => ({
  VariantName: name,
  DesiredWeight: weight,
  ...(!serverless && { DesiredInstanceCount: instanceCount }),
});

/** https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html */
function configurationOf(spec: AlarmSpec): object {
  const description = spec.AlarmDescription !== undefined && { description: spec.AlarmDescription };
  if (spec.type === "composite") return { ...description, alarmRule: spec.AlarmRule };
  const metricStat = (metric: Metric | undefined, period: number | undefined, stat: string | undefined) => ({
    metric: {
      namespace: metric?.Namespace,
      name: metric?.MetricName,
      dimensions: Object.fromEntries((metric?.Dimensions ?? []).map(({ Name, Value }) => [Name, Value])),
    },
    period,
    stat,
  });
  if (!spec.Metrics) {
    const metric = metricStat(spec, spec.Period, spec.Statistic ?? spec.ExtendedStatistic);
    return { ...description, metrics: [{ id: "m1", metricStat: metric, returnData: true }] };
  }
  return {
    ...description,
    metrics: spec.Metrics.map(({ Id, MetricStat, Expression, Label, ReturnData }) => ({
      id: Id,
      ...(MetricStat
        ? { metricStat: metricStat(MetricStat.Metric, MetricStat.Period, MetricStat.Stat) }
        : { expression: Expression }),
      label: Label,
      returnData: ReturnData ?? true,
    })),
  };
}
