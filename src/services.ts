/** The AWS services that Tideway answers for: which SDK describes each, how it is spoken, and what implements it. */
import * as iam from "@aws-sdk/client-iam";
import * as s3 from "@aws-sdk/client-s3";
import * as sagemaker from "@aws-sdk/client-sagemaker";
import * as runtime from "@aws-sdk/client-sagemaker-runtime";
import * as sns from "@aws-sdk/client-sns";
import * as sqs from "@aws-sdk/client-sqs";
import * as sts from "@aws-sdk/client-sts";
import { QueueQuery } from "./capabilities/sqs/queue-url.ts";
import type { Context } from "./wire/context.ts";
import { type Mount, mount } from "./wire/mount.ts";
import type { Protocol } from "./wire/protocol.ts";
import { AwsQuery } from "./wire/query.ts";
import { RestJson, RestXml } from "./wire/rest.ts";
import { AwsJson, Cbor } from "./wire/rpc.ts";
import { IAM_RULES, RUNTIME_RULES, s3Rules, sagemakerRules, SNS_RULES, STS_RULES } from "./wire/rules.ts";
import type { Handlers } from "./wire/service.ts";

/** What implements each service. */
export interface Implementations {
  readonly sagemaker: Handlers<typeof sagemaker, Context>;
  /** The operations of the runtime that the gateway does not answer itself. */
  readonly runtime: Handlers<typeof runtime, Context>;
  readonly s3: Handlers<typeof s3, Context>;
  readonly sts: Handlers<typeof sts, Context>;
  readonly iam: Handlers<typeof iam, Context>;
  readonly sns: Handlers<typeof sns, Context>;
  readonly sqs: Handlers<typeof sqs, Context>;
}

/** A service that can be called, with the SDK package that lists all its operations in AWS. */
export interface MountedService {
  readonly name: string;
  readonly sdk: object;
  readonly mount: Mount;
  /** Built, but answered by the gateway before the dispatcher is asked. */
  readonly byGateway: readonly string[];
}

const S3_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/";
/** Only the client's protocol settings are read; nothing is ever sent with it. */
const settings = { region: "us-east-1", credentials: { accessKeyId: "-", secretAccessKey: "-" } };

export function services(implementations: Implementations): readonly MountedService[] {
  const json: readonly Protocol[] = [new AwsJson("1.1"), new AwsJson("1.0"), new Cbor()];
  const query: readonly Protocol[] = [new AwsQuery()];
  return [
    {
      name: "sagemaker",
      sdk: sagemaker,
      mount: mount(
        sagemaker,
        "sagemaker",
        new sagemaker.SageMakerClient(settings),
        json,
        sagemakerRules(sagemaker),
      )(implementations.sagemaker),
      byGateway: [],
    },
    {
      name: "sagemaker-runtime",
      sdk: runtime,
      mount: mount(
        runtime,
        "sagemaker",
        new runtime.SageMakerRuntimeClient(settings),
        [new RestJson()],
        RUNTIME_RULES,
      )(implementations.runtime),
      byGateway: ["InvokeEndpoint", "InvokeEndpointWithResponseStream"],
    },
    {
      name: "s3",
      sdk: s3,
      mount: mount(
        s3,
        "s3",
        new s3.S3Client(settings),
        [new RestXml(S3_NAMESPACE)],
        s3Rules(s3),
      )(implementations.s3),
      byGateway: [],
    },
    {
      name: "sts",
      sdk: sts,
      mount: mount(sts, "sts", new sts.STSClient(settings), query, STS_RULES)(implementations.sts),
      byGateway: [],
    },
    {
      name: "iam",
      sdk: iam,
      mount: mount(iam, "iam", new iam.IAMClient(settings), query, IAM_RULES)(implementations.iam),
      byGateway: [],
    },
    {
      name: "sns",
      sdk: sns,
      mount: mount(sns, "sns", new sns.SNSClient(settings), query, SNS_RULES)(implementations.sns),
      byGateway: [],
    },
    {
      name: "sqs",
      sdk: sqs,
      // SDKs from before 2023 speak AWS Query to SQS
      mount: mount(sqs, "sqs", new sqs.SQSClient(settings), [new AwsJson("1.0"), new QueueQuery()])(
        implementations.sqs,
      ),
      byGateway: [],
    },
  ];
}
