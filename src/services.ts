/**
 * The AWS services that Tideway answers for: how each is spoken, which SDK package describes it, and what implements it.
 * A package is loaded at the first request to its service, so none is named here but by its types and in `import()`.
 */
import { createRequire } from "node:module";
import type * as autoscaling from "@aws-sdk/client-application-auto-scaling";
import type * as cloudwatch from "@aws-sdk/client-cloudwatch";
import type * as logs from "@aws-sdk/client-cloudwatch-logs";
import type * as eventbridge from "@aws-sdk/client-eventbridge";
import type * as iam from "@aws-sdk/client-iam";
import type * as s3 from "@aws-sdk/client-s3";
import type * as sagemaker from "@aws-sdk/client-sagemaker";
import type * as runtime from "@aws-sdk/client-sagemaker-runtime";
import type * as sns from "@aws-sdk/client-sns";
import type * as sqs from "@aws-sdk/client-sqs";
import type * as sts from "@aws-sdk/client-sts";
import { QueueQuery } from "./capabilities/sqs/queue-url.ts";
import type { Context } from "./wire/context.ts";
import { type Mount, mount } from "./wire/mount.ts";
import type { Protocol } from "./wire/protocol.ts";
import { AwsQuery } from "./wire/query.ts";
import { RestJson, RestXml } from "./wire/rest.ts";
import { AwsJson, Cbor } from "./wire/rpc.ts";
import {
  autoscalingRules,
  cloudWatchRules,
  eventsRules,
  IAM_RULES,
  logsRules,
  RUNTIME_RULES,
  s3Rules,
  sagemakerRules,
  SNS_RULES,
  STS_RULES,
} from "./wire/rules.ts";
import type { Handlers } from "./wire/service.ts";

/** What implements each service, made at the first request to it. */
export interface Implementations {
  readonly sagemaker: Late<typeof sagemaker>;
  /** The operations of the runtime that the gateway does not answer itself. */
  readonly runtime: Late<typeof runtime>;
  readonly s3: Late<typeof s3>;
  readonly sts: Late<typeof sts>;
  readonly iam: Late<typeof iam>;
  readonly sns: Late<typeof sns>;
  readonly sqs: Late<typeof sqs>;
  readonly cloudwatch: Late<typeof cloudwatch>;
  readonly autoscaling: Late<typeof autoscaling>;
  readonly events: Late<typeof eventbridge>;
  readonly logs: Late<typeof logs>;
}

type Late<Sdk> = () => Promise<Handlers<Sdk, Context>>;

/** A service that can be called. */
export interface MountedService {
  readonly name: string;
  readonly mount: Mount;
  /** Built, but answered by the gateway before the dispatcher is asked. */
  readonly byGateway?: readonly string[];
}

/** The largest package by far is CommonJS: loaded as such, it takes two thirds of the time and memory. */
const require = createRequire(import.meta.url);

export function services(built: Implementations): readonly MountedService[] {
  const json: readonly Protocol[] = [new AwsJson("1.1"), new AwsJson("1.0"), new Cbor()];
  const query: readonly Protocol[] = [new AwsQuery()];
  return [
    {
      name: "sagemaker",
      mount: mount("sagemaker", json, async () => {
        const sdk = require("@aws-sdk/client-sagemaker") as typeof sagemaker;
        const rules = sagemakerRules(sdk);
        return { sdk, client: sdk.SageMakerClient, rules, handlers: await built.sagemaker() };
      }),
    },
    {
      name: "sagemaker-runtime",
      mount: mount("sagemaker", [new RestJson()], async () => {
        const sdk = await import("@aws-sdk/client-sagemaker-runtime");
        const rules = RUNTIME_RULES;
        return { sdk, client: sdk.SageMakerRuntimeClient, rules, handlers: await built.runtime() };
      }),
      byGateway: ["InvokeEndpoint", "InvokeEndpointWithResponseStream"],
    },
    {
      name: "s3",
      mount: mount("s3", [new RestXml("http://s3.amazonaws.com/doc/2006-03-01/")], async () => {
        const sdk = await import("@aws-sdk/client-s3");
        return { sdk, client: sdk.S3Client, rules: s3Rules(sdk), handlers: await built.s3() };
      }),
    },
    {
      name: "sts",
      mount: mount("sts", query, async () => {
        const sdk = await import("@aws-sdk/client-sts");
        return { sdk, client: sdk.STSClient, rules: STS_RULES, handlers: await built.sts() };
      }),
    },
    {
      name: "iam",
      mount: mount("iam", query, async () => {
        const sdk = await import("@aws-sdk/client-iam");
        return { sdk, client: sdk.IAMClient, rules: IAM_RULES, handlers: await built.iam() };
      }),
    },
    {
      name: "sns",
      mount: mount("sns", query, async () => {
        const sdk = await import("@aws-sdk/client-sns");
        return { sdk, client: sdk.SNSClient, rules: SNS_RULES, handlers: await built.sns() };
      }),
    },
    {
      name: "sqs",
      // SDKs from before 2023 speak AWS Query to SQS
      mount: mount("sqs", [new AwsJson("1.0"), new QueueQuery()], async () => {
        const sdk = await import("@aws-sdk/client-sqs");
        return { sdk, client: sdk.SQSClient, handlers: await built.sqs() };
      }),
    },
    {
      name: "cloudwatch",
      // by age of the SDK: AWS Query, then JSON, and CBOR in those of Go and .NET
      mount: mount("monitoring", [new AwsJson("1.0"), new Cbor(), ...query], async () => {
        const sdk = await import("@aws-sdk/client-cloudwatch");
        const rules = cloudWatchRules(sdk);
        return { sdk, client: sdk.CloudWatchClient, rules, handlers: await built.cloudwatch() };
      }),
    },
    {
      name: "logs",
      mount: mount("logs", [new AwsJson("1.1")], async () => {
        const sdk = await import("@aws-sdk/client-cloudwatch-logs");
        const rules = logsRules(sdk);
        return { sdk, client: sdk.CloudWatchLogsClient, rules, handlers: await built.logs() };
      }),
    },
    {
      name: "application-autoscaling",
      mount: mount("application-autoscaling", [new AwsJson("1.1")], async () => {
        const sdk = await import("@aws-sdk/client-application-auto-scaling");
        const rules = autoscalingRules(sdk);
        const client = sdk.ApplicationAutoScalingClient;
        return { sdk, client, rules, handlers: await built.autoscaling() };
      }),
    },
    {
      name: "eventbridge",
      mount: mount("events", [new AwsJson("1.1")], async () => {
        const sdk = await import("@aws-sdk/client-eventbridge");
        const handlers = await built.events();
        return { sdk, client: sdk.EventBridgeClient, rules: eventsRules(sdk), handlers };
      }),
    },
  ];
}
