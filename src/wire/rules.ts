/**
 * The constraints of the API's model that the SDK's schemas lack, by member name. A test holds them against botocore's
 * copy of the model (test/wire/rules.test.ts). Patterns stand as the model has them: clients print them.
 */
import type * as Autoscaling from "@aws-sdk/client-application-auto-scaling";
import type * as CloudWatch from "@aws-sdk/client-cloudwatch";
import type * as Logs from "@aws-sdk/client-cloudwatch-logs";
import type * as Events from "@aws-sdk/client-eventbridge";
import type * as S3 from "@aws-sdk/client-s3";
import type * as SageMaker from "@aws-sdk/client-sagemaker";
import { integer, list, map, number, oneOf, text } from "./constraint.ts";
import type { Rules } from "./validate.ts";

const XML_TEXT = String.raw`[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\r\n\t]*`;
const NAME = "[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}";
const MODEL_NAME = String.raw`[a-zA-Z0-9]([\-a-zA-Z0-9]*[a-zA-Z0-9])?`;
const ANYTHING = ".*";
const URI = "(https|s3)://([^/]+)/?(.*)";
const OUTPUT_URI = "(https|s3)://([^/])/?(.*)";
const TOPIC = String.raw`arn:aws[a-z\-]*:sns:[a-z0-9\-]*:[0-9]{12}:[a-zA-Z0-9_.-]+`;
const VPC_ID = text(0, 32, "[-0-9a-zA-Z]+");
const CONTENT_TYPE = text(1, 256, String.raw`[a-zA-Z0-9](-*[a-zA-Z0-9])*\/[a-zA-Z0-9](-*[a-zA-Z0-9.])*`);
const TAG = String.raw`([\p{L}\p{Z}\p{N}_.:/=+\-@]*)`;
const CLARIFY_TEXT = text(1, 64, ANYTHING);
const PAGE = integer(1, 100);
const EXPERIMENT = "[a-zA-Z0-9](-*[a-zA-Z0-9]){0,119}";

/** Models, endpoint configurations, endpoints and tags. */
export const sagemakerRules = (sdk: typeof SageMaker): Rules => ({
  // names and references
  ModelName: text(0, 63, MODEL_NAME),
  ModelNameOverride: text(0, 63, MODEL_NAME),
  EndpointConfigName: text(0, 63, NAME),
  EndpointName: text(0, 63, NAME),
  VariantName: text(0, 63, NAME),
  ContainerHostname: text(0, 63, NAME),
  InferenceSpecificationName: text(1, 63, NAME),
  ExecutionRoleArn: text(20, 2048, String.raw`arn:aws[a-z\-]*:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+`),
  KmsKeyId: text(0, 2048, "[a-zA-Z0-9:/_-]*"),
  ResourceArn: text(0, 256, "arn:aws[a-z-]*:sagemaker:[a-z0-9-]*:[0-9]{12}:.+"),

  // lists of them
  NameContains: text(0, 63, "[a-zA-Z0-9-]+"),
  NextToken: text(0, 8192, ANYTHING),
  SortOrder: oneOf(sdk.OrderKey),
  StatusEquals: oneOf(sdk.EndpointStatus),
  "ListModelsInput.SortBy": oneOf(sdk.ModelSortKey),
  "ListModelsInput.MaxResults": PAGE,
  "ListEndpointConfigsInput.SortBy": oneOf(sdk.EndpointConfigSortKey),
  "ListEndpointConfigsInput.MaxResults": PAGE,
  "ListEndpointsInput.SortBy": oneOf(sdk.EndpointSortKey),
  "ListEndpointsInput.MaxResults": PAGE,
  "ListTagsInput.MaxResults": integer(50),

  // tags
  Tags: list(0, 50),
  "Tag.Key": text(1, 128, TAG),
  "Tag.Value": text(0, 256, TAG),
  TagKeys: list(1, 50, text(1, 128, TAG)),

  // models and their containers
  Containers: list(0, 15),
  Image: text(0, 255, String.raw`[\S]+`),
  RepositoryAccessMode: oneOf(sdk.RepositoryAccessMode),
  RepositoryCredentialsProviderArn: text(1, 2048, ANYTHING),
  "ContainerDefinition.Mode": oneOf(sdk.ContainerMode),
  "InferenceExecutionConfig.Mode": oneOf(sdk.InferenceExecutionMode),
  ModelCacheSetting: oneOf(sdk.ModelCacheSetting),
  ModelPackageName: text(
    1,
    176,
    String.raw`(arn:aws[a-z\-]*:sagemaker:[a-z0-9\-]*:[0-9]{12}:[a-z\-]*\/)?([a-zA-Z0-9]([a-zA-Z0-9-]){0,62})(?<!-)(\/[0-9]{1,9})?`,
  ),
  Environment: map(0, 100, text(0, 1024, "[a-zA-Z_][a-zA-Z0-9_]*"), text(0, 1024, String.raw`[\S\s]*`)),
  ModelDataUrl: text(0, 1024, URI),
  S3Uri: text(0, 1024, URI),
  S3DataType: oneOf(sdk.S3ModelDataType),
  CompressionType: oneOf(sdk.ModelCompressionType),
  ManifestS3Uri: text(0, 1024, URI),
  HubContentArn: text(0, 255, ANYTHING),
  AdditionalModelDataSources: list(0, 5),
  ChannelName: text(1, 64, String.raw`[A-Za-z0-9\.\-_]+`),
  SecurityGroupIds: list(1, 5, VPC_ID),
  Subnets: list(1, 16, VPC_ID),

  // variants
  ProductionVariants: list(1, 10),
  ShadowProductionVariants: list(1, 10),
  InitialInstanceCount: integer(1),
  InitialVariantWeight: number(0),
  InstanceType: oneOf(sdk.ProductionVariantInstanceType),
  InstancePools: list(1, 5),
  Priority: integer(1, 5),
  VariantInstanceProvisionTimeoutInSeconds: integer(300, 3600),
  AcceleratorType: oneOf(sdk.ProductionVariantAcceleratorType),
  MemorySizeInMB: integer(1024, 6144),
  MaxConcurrency: integer(1, 200),
  ProvisionedConcurrency: integer(1, 200),
  VolumeSizeInGB: integer(1, 512),
  ModelDataDownloadTimeoutInSeconds: integer(60, 3600),
  ContainerStartupHealthCheckTimeoutInSeconds: integer(60, 3600),
  "ProductionVariantManagedInstanceScaling.Status": oneOf(sdk.ManagedInstanceScalingStatus),
  MinInstanceCount: integer(0),
  MaxInstanceCount: integer(1),
  Strategy: oneOf(sdk.ManagedInstanceScalingScaleInStrategy),
  MaximumStepSize: integer(1, 100),
  CooldownInMinutes: integer(5, 1440),
  RoutingStrategy: oneOf(sdk.RoutingStrategy),
  InferenceAmiVersion: oneOf(sdk.ProductionVariantInferenceAmiVersion),
  CapacityReservationPreference: oneOf(sdk.CapacityReservationPreference),
  MlReservationArn: text(
    20,
    258,
    String.raw`arn:aws[a-z\-]*:sagemaker:[a-z0-9\-]*:[0-9]{12}:[a-z0-9\-]{1,14}/.*`,
  ),
  DesiredWeightsAndCapacities: list(1),
  DesiredWeight: number(0),
  DesiredInstanceCount: integer(0),

  // data capture
  InitialSamplingPercentage: integer(0, 100),
  DestinationS3Uri: text(0, 512, OUTPUT_URI),
  CaptureOptions: list(1, 32),
  CaptureMode: oneOf(sdk.CaptureMode),
  CsvContentTypes: list(1, 10, CONTENT_TYPE),
  JsonContentTypes: list(1, 10, CONTENT_TYPE),

  // asynchronous inference
  MaxConcurrentInvocationsPerInstance: integer(1, 1000),
  S3OutputPath: text(0, 512, OUTPUT_URI),
  S3FailurePath: text(0, 512, OUTPUT_URI),
  SuccessTopic: text(0, 2048, TOPIC),
  ErrorTopic: text(0, 2048, TOPIC),
  IncludeInferenceResponseIn: list(0, 2, oneOf(sdk.AsyncNotificationTopicTypes)),

  // batch transform
  TransformJobName: text(1, 63, NAME),
  MaxConcurrentTransforms: integer(0),
  "CreateTransformJobRequest.MaxPayloadInMB": integer(0),
  InvocationsTimeoutInSeconds: integer(1, 3600),
  InvocationsMaxRetries: integer(0, 3),
  BatchStrategy: oneOf(sdk.BatchStrategy),
  "CreateTransformJobRequest.Environment": map(
    0,
    16,
    text(0, 1024, "[a-zA-Z_][a-zA-Z0-9_]{0,1023}"),
    text(0, 10_240, String.raw`[\S\s]*`),
  ),
  "TransformS3DataSource.S3DataType": oneOf(sdk.S3DataType),
  "TransformInput.ContentType": text(0, 256, ANYTHING),
  "TransformInput.CompressionType": oneOf(sdk.CompressionType),
  SplitType: oneOf(sdk.SplitType),
  "TransformOutput.S3OutputPath": text(0, 1024, URI),
  "TransformOutput.Accept": text(0, 256, ANYTHING),
  AssembleWith: oneOf(sdk.AssemblyType),
  "BatchDataCaptureConfig.DestinationS3Uri": text(0, 1024, URI),
  "TransformResources.InstanceType": oneOf(sdk.TransformInstanceType),
  InstanceCount: integer(1),
  VolumeKmsKeyId: text(0, 2048, "[a-zA-Z0-9:/_-]*"),
  TransformAmiVersion: text(1, 63, "[a-zA-Z0-9]+(-[a-zA-Z0-9]+)*"),
  InputFilter: text(0, 63),
  OutputFilter: text(0, 63),
  JoinSource: oneOf(sdk.JoinSource),
  ExperimentName: text(1, 120, EXPERIMENT),
  TrialName: text(1, 120, EXPERIMENT),
  TrialComponentDisplayName: text(1, 120, EXPERIMENT),
  RunName: text(1, 120, EXPERIMENT),
  "ListTransformJobsRequest.NameContains": text(0, 63, String.raw`[a-zA-Z0-9\-]+`),
  "ListTransformJobsRequest.StatusEquals": oneOf(sdk.TransformJobStatus),
  "ListTransformJobsRequest.SortBy": oneOf(sdk.SortBy),
  "ListTransformJobsRequest.MaxResults": PAGE,

  // explanations
  EnableExplanations: text(1, 64, ANYTHING),
  FeaturesAttribute: CLARIFY_TEXT,
  ContentTemplate: CLARIFY_TEXT,
  MaxRecordCount: integer(1),
  MaxPayloadInMB: integer(1, 25),
  ProbabilityIndex: integer(0),
  LabelIndex: integer(0),
  ProbabilityAttribute: CLARIFY_TEXT,
  LabelAttribute: CLARIFY_TEXT,
  LabelHeaders: list(1, 16, CLARIFY_TEXT),
  FeatureHeaders: list(1, 256, CLARIFY_TEXT),
  FeatureTypes: list(1, 256, oneOf(sdk.ClarifyFeatureType)),
  MimeType: text(0, 255, String.raw`[a-zA-Z0-9](-*[a-zA-Z0-9])*\/[a-zA-Z0-9](-*[a-zA-Z0-9+.])*`),
  ShapBaseline: text(1, 4096, String.raw`[\s\S]+`),
  ShapBaselineUri: text(0, 1024, URI),
  NumberOfSamples: integer(1),
  Language: oneOf(sdk.ClarifyTextLanguage),
  Granularity: oneOf(sdk.ClarifyTextGranularity),

  // deployments
  "TrafficRoutingConfig.Type": oneOf(sdk.TrafficRoutingConfigType),
  "CapacitySize.Type": oneOf(sdk.CapacitySizeType),
  "CapacitySize.Value": integer(1),
  WaitIntervalInSeconds: integer(0, 3600),
  TerminationWaitInSeconds: integer(0, 3600),
  MaximumExecutionTimeoutInSeconds: integer(600, 28_800),
  Alarms: list(1, 10),
  AlarmName: text(1, 255, String.raw`(?!\s*$).+`),
  ExcludeRetainedVariantProperties: list(0, 3),
  VariantPropertyType: oneOf(sdk.VariantPropertyType),
});

const RUNTIME_NAME = "^[a-zA-Z0-9](-*[a-zA-Z0-9])*";
const HEADER = text(0, 1024, String.raw`\p{ASCII}*`);
const PRINTABLE = String.raw`\A\S[\p{Print}]*\z`;

/** Invocations: their bodies are limited elsewhere, in limits.ts. */
export const RUNTIME_RULES: Rules = {
  EndpointName: text(0, 63, RUNTIME_NAME),
  ContentType: HEADER,
  Accept: HEADER,
  CustomAttributes: HEADER,
  TargetModel: text(1, 1024, PRINTABLE),
  TargetVariant: text(0, 63, RUNTIME_NAME),
  TargetContainerHostname: text(0, 63, RUNTIME_NAME),
  InferenceId: text(1, 64, PRINTABLE),
  EnableExplanations: text(1, 64, ANYTHING),
  InferenceComponentName: text(0, 63, String.raw`^[a-zA-Z0-9]([\-a-zA-Z0-9]*[a-zA-Z0-9])?$`),
  "InvokeEndpointInput.SessionId": text(0, 256, "^(NEW_SESSION)$|^[a-zA-Z0-9](-*[a-zA-Z0-9])*$"),
  "InvokeEndpointWithResponseStreamInput.SessionId": text(0, 256, "^[a-zA-Z0-9](-*[a-zA-Z0-9])*$"),
  InputLocation: text(1, 1024, "^(https|s3)://([^/]+)/?(.*)$"),
  S3OutputPathExtension: text(1, 512, "^(?!s3:|https:)[a-zA-Z0-9!_.*'()/-]+$"),
  Filename: text(1, 32, String.raw`^(?!.*\..*\.)[a-zA-Z0-9][a-zA-Z0-9-_\.]*$`),
  RequestTTLSeconds: integer(60, 21_600),
  InvocationTimeoutSeconds: integer(1, 3600),
};

const IAM_TAG_KEY = text(1, 128, String.raw`[\p{L}\p{Z}\p{N}_.:/=+\-@]+`);
const IAM_TAG_VALUE = text(0, 256, String.raw`[\p{L}\p{Z}\p{N}_.:/=+\-@]*`);
const POLICY = String.raw`[\u0009\u000A\u000D\u0020-\u00FF]+`;
const ARN = text(
  20,
  2048,
  String.raw`[\u0009\u000A\u000D\u0020-\u007E\u0085\u00A0-\uD7FF\uE000-\uFFFD\u10000-\u10FFFF]+`,
);

/** AssumeRole. */
export const STS_RULES: Rules = {
  RoleArn: ARN,
  RoleSessionName: text(2, 64, String.raw`[\w+=,.@-]*`),
  "PolicyDescriptorType.arn": ARN,
  Policy: { min: 1, pattern: POLICY },
  DurationSeconds: integer(900, 43_200),
  Tags: list(0, 50),
  "Tag.Key": IAM_TAG_KEY,
  "Tag.Value": IAM_TAG_VALUE,
  TransitiveTagKeys: list(0, 50, IAM_TAG_KEY),
  ExternalId: text(2, 1224, String.raw`[\w+=,.@:\/-]*`),
  SerialNumber: text(9, 256, String.raw`[\w+=/:,.@-]*`),
  TokenCode: text(6, 6, String.raw`[\d]*`),
  SourceIdentity: text(2, 64, String.raw`[\w+=,.@-]*`),
  ProvidedContexts: list(1, 5),
  ProviderArn: ARN,
  ContextAssertion: text(4, 2048),
};

/** Roles. */
export const IAM_RULES: Rules = {
  RoleName: text(1, 64, String.raw`[\w+=,.@-]+`),
  Path: text(1, 512, String.raw`(\u002F)|(\u002F[\u0021-\u007E]+\u002F)`),
  PathPrefix: text(1, 512, String.raw`\u002F[\u0021-\u007F]*`),
  AssumeRolePolicyDocument: text(1, 131_072, POLICY),
  Description: text(0, 1000, String.raw`[\u0009\u000A\u000D\u0020-\u007E\u00A1-\u00FF]*`),
  MaxSessionDuration: integer(3600, 43_200),
  PermissionsBoundary: text(20, 2048),
  Tags: list(0, 50),
  "Tag.Key": IAM_TAG_KEY,
  "Tag.Value": IAM_TAG_VALUE,
  Marker: text(1, 320, String.raw`[\u0020-\u00FF]+`),
  MaxItems: integer(1, 1000),
};

/** Topics and their tags. What else SNS demands is in no model: capabilities/sns. */
export const SNS_RULES: Rules = {
  ResourceArn: text(1, 1011),
  "Tag.Key": text(1, 128),
  "Tag.Value": text(0, 256),
  TagKeys: { each: text(1, 128) },
};

const ACTIONS = { max: 5, each: text(1, 1024) };
const ALARM_NAMES = { max: 100, each: text(1, 255) };

/** Scalable targets, policies and schedules. */
export const autoscalingRules = (sdk: typeof Autoscaling): Rules => ({
  ServiceNamespace: oneOf(sdk.ServiceNamespace),
  ScalableDimension: oneOf(sdk.ScalableDimension),
  ResourceId: text(1, 1600, XML_TEXT),
  ResourceIds: list(0, 50, text(1, 1600, XML_TEXT)),
  RoleARN: text(1, 1600, XML_TEXT),
  ResourceARN: text(
    1,
    1011,
    String.raw`^arn:.+:application-autoscaling:.+:[0-9]+:scalable-target\/[a-zA-Z0-9-]+$`,
  ),
  Tags: { keys: text(1, 128), each: text(0, 256) },
  TagKeys: list(0, 200, text(1, 128)),
  NextToken: { pattern: XML_TEXT },

  // scheduled actions
  ScheduledActionName: text(1, 1600, XML_TEXT),
  "PutScheduledActionRequest.ScheduledActionName": text(
    1,
    256,
    String.raw`(?!((^[ ]+.*)|(.*([\u0000-\u001f]|[\u007f-\u009f]|[:/|])+.*)|(.*[ ]+$))).+`,
  ),
  ScheduledActionNames: list(0, 50, text(1, 1600, XML_TEXT)),
  Schedule: text(1, 1600, XML_TEXT),
  Timezone: text(1, 1600, XML_TEXT),

  // policies
  PolicyName: text(1, 1600, XML_TEXT),
  "PutScalingPolicyRequest.PolicyName": text(1, 256, String.raw`\p{Print}+`),
  "GetPredictiveScalingForecastRequest.PolicyName": text(1, 256, String.raw`\p{Print}+`),
  PolicyNames: list(0, 50, text(1, 1600, XML_TEXT)),
  PolicyType: oneOf(sdk.PolicyType),
  AdjustmentType: oneOf(sdk.AdjustmentType),
  MetricAggregationType: oneOf(sdk.MetricAggregationType),
  Statistic: oneOf(sdk.MetricStatistic),
  PredefinedMetricType: text(1, 128),
  "PredefinedMetricSpecification.PredefinedMetricType": oneOf(sdk.MetricType),
  ResourceLabel: text(1, 1023),
  Id: text(1, 255, XML_TEXT),
  Expression: text(1, 2048, XML_TEXT),
  Label: { pattern: XML_TEXT },
  Stat: { pattern: XML_TEXT },
  "TargetTrackingMetricStat.Unit": text(1, 1023, XML_TEXT),
  "PredictiveScalingMetricStat.Unit": text(1, 1023, XML_TEXT),
  "TargetTrackingMetric.MetricName": text(1, 255, XML_TEXT),
  "TargetTrackingMetric.Namespace": text(1, 255, XML_TEXT),
  "PredictiveScalingMetric.MetricName": text(1, 255, XML_TEXT),
  "PredictiveScalingMetric.Namespace": text(1, 255, XML_TEXT),
  "TargetTrackingMetricDimension.Name": text(1, 255, XML_TEXT),
  "TargetTrackingMetricDimension.Value": text(1, 1024, XML_TEXT),
  "PredictiveScalingMetricDimension.Name": text(1, 255, XML_TEXT),
  "PredictiveScalingMetricDimension.Value": text(1, 1024, XML_TEXT),

  // predictive scaling, which is refused
  Mode: oneOf(sdk.PredictiveScalingMode),
  SchedulingBufferTime: integer(0, 3600),
  MaxCapacityBreachBehavior: oneOf(sdk.PredictiveScalingMaxCapacityBreachBehavior),
  MaxCapacityBuffer: integer(0, 100),
});

/** Metrics and alarms. */
export const cloudWatchRules = (sdk: typeof CloudWatch): Rules => ({
  Namespace: text(1, 255, "[^:].*"),
  MetricName: text(1, 255),
  Dimensions: { max: 30 },
  "ListMetricsInput.Dimensions": { max: 10 },
  "Dimension.Name": text(1, 255),
  "Dimension.Value": text(1, 1024),
  "DimensionFilter.Name": text(1, 255),
  "DimensionFilter.Value": text(1, 1024),
  Unit: oneOf(sdk.StandardUnit),
  StorageResolution: integer(1),
  Period: integer(1),
  Statistic: oneOf(sdk.Statistic),
  Statistics: list(1, 5, oneOf(sdk.Statistic)),
  ExtendedStatistics: list(1, 10),
  Id: text(1, 255),
  Expression: text(1, 2048),
  AccountId: text(1, 255),
  OwningAccount: text(1, 255),
  RecentlyActive: oneOf(sdk.RecentlyActive),
  ScanBy: oneOf(sdk.ScanBy),
  KeyAttributes: map(2, 4, text(1, 32), text(1, 2048)),
  Attributes: map(0, 10, text(1, 256), text(1, 2048)),

  // alarms
  AlarmName: text(1, 255),
  AlarmNames: ALARM_NAMES,
  AlarmNamePrefix: text(1, 255),
  ChildrenOfAlarmName: text(1, 255),
  ParentsOfAlarmName: text(1, 255),
  AlarmDescription: text(0, 1024),
  OKActions: ACTIONS,
  AlarmActions: ACTIONS,
  InsufficientDataActions: ACTIONS,
  ActionPrefix: text(1, 1024),
  EvaluationPeriods: integer(1),
  DatapointsToAlarm: integer(1),
  ComparisonOperator: oneOf(sdk.ComparisonOperator),
  TreatMissingData: text(1, 255),
  EvaluateLowSampleCountPercentile: text(1, 255),
  EvaluationInterval: integer(10, 3600),
  Query: text(1, 10_000),
  PendingPeriod: integer(0, 86_400),
  RecoveryPeriod: integer(0, 86_400),
  ThresholdMetricId: text(1, 255),
  AlarmRule: text(1, 10_240),
  ActionsSuppressor: text(1, 1600),
  AlarmTypes: { each: oneOf(sdk.AlarmType) },
  StateValue: oneOf(sdk.StateValue),
  StateReason: text(0, 1023),
  StateReasonData: text(0, 4000),
  HistoryItemType: oneOf(sdk.HistoryItemType),
  AlarmContributorId: text(1, 16),
  MaxRecords: integer(1, 100),

  // tags
  ResourceARN: text(1, 1024),
  "Tag.Key": text(1, 128),
  "Tag.Value": text(0, 256),
  TagKeys: { each: text(1, 128) },
});

const LOG_GROUP = text(1, 512, String.raw`[\.\-_/#A-Za-z0-9]+`);
const LOG_GROUP_ID = text(1, 2048, String.raw`[\w#+=/:,.@-]*`);
const LOG_STREAM = text(1, 512, "[^:*]*");
const LOG_TAG_KEY = text(1, 128, String.raw`^([\p{L}\p{Z}\p{N}_.:/=+\-@]+)$`);
const LOG_TAG = text(0, 256, String.raw`^([\p{L}\p{Z}\p{N}_.:/=+\-@]*)$`);
const LOG_ARN = text(1, 1011, String.raw`[\w+=/:,.@-]*`);

/** Log groups, streams and events. */
export const logsRules = (sdk: typeof Logs): Rules => ({
  logGroupName: LOG_GROUP,
  logGroupNamePrefix: LOG_GROUP,
  logGroupNamePattern: text(0, 512, String.raw`[\.\-_/#A-Za-z0-9]*`),
  logGroupIdentifier: LOG_GROUP_ID,
  "DescribeLogGroupsRequest.logGroupIdentifiers": list(1, 50, LOG_GROUP_ID),
  "StartLiveTailRequest.logGroupIdentifiers": list(1, 10, LOG_GROUP_ID),
  logGroupClass: oneOf(sdk.LogGroupClass),
  accountIdentifiers: list(0, 20, text(12, 12, String.raw`^\d{12}$`)),
  kmsKeyId: { max: 256 },
  logStreamName: LOG_STREAM,
  logStreamNamePrefix: LOG_STREAM,
  logStreamNames: list(1, 100, LOG_STREAM),
  logStreamNamePrefixes: list(1, 100, LOG_STREAM),
  orderBy: oneOf(sdk.OrderBy),
  nextToken: { min: 1 },
  limit: integer(1, 10_000),
  "DescribeLogGroupsRequest.limit": integer(1, 50),
  "DescribeLogStreamsRequest.limit": integer(1, 50),

  // events
  logEvents: list(1, 10_000),
  "InputLogEvent.timestamp": integer(0),
  "InputLogEvent.message": { min: 1 },
  sequenceToken: { min: 1 },
  keyAttributes: map(2, 4, text(1, 32), text(1, 512)),
  attributes: map(0, 10, text(1, 256), text(1, 512)),
  startTime: integer(0),
  endTime: integer(0),
  filterPattern: text(0, 1024),
  logEventFilterPattern: text(0, 1024),

  // tags
  resourceArn: LOG_ARN,
  tags: map(1, 50, LOG_TAG_KEY, LOG_TAG),
  "UntagLogGroupRequest.tags": list(1, undefined, LOG_TAG_KEY),
  tagKeys: list(0, 50, LOG_TAG_KEY),
});

/**
 * Two patterns of EventBridge's model backtrack without end on a text that does not match. These match the same texts, each
 * in one way only.
 */
const EVENT_AUTH = String.raw`^\t*[^\x00-\x1F:\x7F][^\x00-\x08\x0A-\x1F:\x7F]*$`;
const EVENT_HEADER = String.raw`^\t*[\x20-\x7E][\t\x20-\x7E]*$`;
const EVENT_NAME = String.raw`[\.\-_A-Za-z0-9]+`;

/** Rules and their targets, events, connections and API destinations; of targets also what Tideway refuses by name. */
export const eventsRules = (sdk: typeof Events): Rules => ({
  ApiKeyName: text(1, 512, EVENT_AUTH),
  ApiKeyValue: text(1, 512, EVENT_AUTH),
  Arn: text(1, 1600),
  AssignPublicIp: oneOf(sdk.AssignPublicIp),
  AuthorizationEndpoint: text(
    1,
    2048,
    String.raw`^((%[0-9A-Fa-f]{2}|[-()_.!~*';/?:@\x26=+$,A-Za-z0-9])+)([).!';/?:,])?$`,
  ),
  AuthorizationType: oneOf(sdk.ConnectionAuthorizationType),
  BodyParameters: { max: 100 },
  CapacityProviderStrategy: { max: 6 },
  ClientID: text(1, 512, EVENT_AUTH),
  ClientSecret: text(1, 512, EVENT_AUTH),
  ConnectionArn: text(
    1,
    1600,
    String.raw`^arn:aws([a-z]|\-)*:events:([a-z]|\d|\-)*:([0-9]{12})?:connection\/[\.\-_A-Za-z0-9]+\/[\-A-Za-z0-9]+$`,
  ),
  ConnectionState: oneOf(sdk.ConnectionState),
  Database: text(1, 64),
  DbUser: text(1, 128),
  Description: text(0, 512, String.raw`.*`),
  "PutRuleRequest.Description": text(0, 512),
  EndpointId: text(1, 50, String.raw`^[A-Za-z0-9\-]+[\.][A-Za-z0-9\-]+$`),
  Entries: { min: 1, max: 10 },
  EventBusName: text(
    1,
    1600,
    String.raw`(arn:aws[\w-]*:events:[a-z]+-[a-z]+-[\w-]+:[0-9]{12}:event-bus\/)?[/\.\-_A-Za-z0-9]+`,
  ),
  "PutEventsRequestEntry.EventBusName": text(
    1,
    1600,
    String.raw`(arn:aws[\w-]*:events:[a-z]+-[a-z]+-[\w-]+:[0-9]{12}:event-bus\/)?[\.\-_A-Za-z0-9]+`,
  ),
  EventPattern: text(0, 4096),
  GraphQLOperation: text(1, 1048576),
  HeaderParameters: { keys: text(0, 512, "^[!#$%&'*+-.^_`|~0-9a-zA-Z]+$"), each: text(0, 512, EVENT_HEADER) },
  "ConnectionHttpParameters.HeaderParameters": { max: 100 },
  HttpMethod: oneOf(sdk.ApiDestinationHttpMethod),
  "CreateConnectionOAuthRequestParameters.HttpMethod": oneOf(sdk.ConnectionOAuthHttpMethod),
  Id: text(1, 64, EVENT_NAME),
  Ids: { min: 1, max: 100, each: text(1, 64, EVENT_NAME) },
  Input: text(0, 8192),
  InputPath: text(0, 256),
  InputPathsMap: { max: 100, keys: text(1, 256, String.raw`[A-Za-z0-9\_\-]+`), each: text(0, 256) },
  InputTemplate: text(1, 8192),
  InvocationEndpoint: text(
    1,
    2048,
    String.raw`^((%[0-9A-Fa-f]{2}|[-()_.!~*';/?:@\x26=+$,A-Za-z0-9])+)([).!';/?:,])?$`,
  ),
  InvocationRateLimitPerSecond: integer(1),
  Key: text(1, 128),
  "RunCommandTarget.Key": text(1, 128, String.raw`^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$`),
  "ConnectionHeaderParameter.Key": text(0, 512, "^[!#$%&'*+-.^_`|~0-9a-zA-Z]+$"),
  "ConnectionQueryStringParameter.Key": text(0, 512, String.raw`[^\x00-\x1F\x7F]+`),
  KmsKeyIdentifier: text(0, 2048, String.raw`^[a-zA-Z0-9_\-/:]*$`),
  LaunchType: oneOf(sdk.LaunchType),
  Limit: integer(1, 100),
  MaximumEventAgeInSeconds: integer(60, 86400),
  MaximumRetryAttempts: integer(0, 185),
  MessageGroupId: text(0, 100),
  Name: text(1, 64, EVENT_NAME),
  "SageMakerPipelineParameter.Name": text(1, 256, String.raw`^[a-zA-Z0-9](-*[a-zA-Z0-9])*$`),
  NamePrefix: text(1, 64, EVENT_NAME),
  NextToken: text(1, 2048),
  PartitionKeyPath: text(0, 256),
  Password: text(1, 512, EVENT_AUTH),
  PathParameterValues: { each: { pattern: String.raw`^(?!\s*$).+` } },
  PipelineParameterList: { max: 200 },
  PlacementConstraints: { max: 10 },
  PlacementStrategy: { max: 5 },
  PropagateTags: oneOf(sdk.PropagateTags),
  QueryStringParameters: {
    keys: text(0, 512, String.raw`[^\x00-\x1F\x7F]+`),
    each: text(0, 512, String.raw`[^\x00-\x09\x0B\x0C\x0E-\x1F\x7F]+`),
  },
  "ConnectionHttpParameters.QueryStringParameters": { max: 100 },
  ReferenceId: text(0, 1024),
  ResourceARN: text(1, 1600),
  ResourceConfigurationArn: text(
    0,
    2048,
    String.raw`^(?:^arn:[a-z0-9\-]+:vpc-lattice:[a-zA-Z0-9\-]+:\d{12}:resourceconfiguration/rcfg-[0-9a-z]{17}$|^$)`,
  ),
  Resources: { each: text(0, 2048) },
  RoleArn: text(1, 1600),
  Rule: text(1, 64, EVENT_NAME),
  RunCommandTargets: { min: 1, max: 5 },
  ScheduleExpression: text(0, 256),
  SecretManagerArn: text(
    1,
    1600,
    String.raw`(^arn:aws([a-z]|\-)*:secretsmanager:[a-z0-9-.]+:.*)|(\$(\.[\w_-]+(\[(\d+|\*)\])*)*)`,
  ),
  Sql: text(1, 100000),
  Sqls: { max: 40, each: text(1, 100000) },
  State: oneOf(sdk.RuleState),
  StatementName: text(1, 500),
  TagKeys: { each: text(1, 128) },
  TargetArn: text(1, 1600),
  Targets: { min: 1, max: 100 },
  TaskCount: integer(1),
  TaskDefinitionArn: text(1, 1600),
  TraceHeader: text(1, 500),
  Username: text(1, 512, EVENT_AUTH),
  Value: text(0, 256),
  "SageMakerPipelineParameter.Value": text(0, 1024),
  "ConnectionHeaderParameter.Value": text(0, 512, EVENT_HEADER),
  "ConnectionQueryStringParameter.Value": text(0, 512, String.raw`[^\x00-\x09\x0B\x0C\x0E-\x1F\x7F]+`),
  Values: { min: 1, max: 50, each: text(1, 256) },
  base: integer(0, 100000),
  capacityProvider: text(1, 255),
  expression: text(0, 2000),
  field: text(0, 255),
  type: oneOf(sdk.PlacementConstraintType),
  "PlacementStrategy.type": oneOf(sdk.PlacementStrategyType),
  weight: integer(0, 1000),
});

/** What S3 itself refuses of what its model constrains; it ignores or answers in its own way to the rest. */
export const s3Rules = (sdk: typeof S3): Rules => ({
  Key: { min: 1 },
  EncodingType: oneOf(sdk.EncodingType),
  MetadataDirective: oneOf(sdk.MetadataDirective),
  TaggingDirective: oneOf(sdk.TaggingDirective),
  ChecksumAlgorithm: oneOf(sdk.ChecksumAlgorithm),
  CopySource: { pattern: String.raw`\/?.+\/.+` },
});
