/** Small services of every protocol behind the real dispatcher and listener. */
import { createHash } from "node:crypto";
import * as s3Sdk from "@aws-sdk/client-s3";
import * as sagemaker from "@aws-sdk/client-sagemaker";
import * as runtime from "@aws-sdk/client-sagemaker-runtime";
import * as sts from "@aws-sdk/client-sts";
import { type Clock, systemClock } from "../../src/base/clock.ts";
import { type Log, silentLog } from "../../src/base/log.ts";
import { systemRandom } from "../../src/base/random.ts";
import type { Context } from "../../src/wire/context.ts";
import type { Credential, Principal } from "../../src/wire/credentials.ts";
import { collect } from "../../src/wire/http.ts";
import { createListener, type ListenerLimits } from "../../src/wire/listener.ts";
import { AwsQuery } from "../../src/wire/query.ts";
import { RestJson, RestXml } from "../../src/wire/rest.ts";
import { AwsJson, Cbor } from "../../src/wire/rpc.ts";
import { createDispatcher, type Mount, mount } from "../../src/wire/server.ts";
import type { Handlers } from "../../src/wire/service.ts";

/** A call that reached a handler. */
export interface SeenCall {
  readonly operation: string;
  readonly input: Record<string, unknown>;
  readonly caller: Principal;
  readonly trailers: ReadonlyMap<string, string>;
  readonly signal: AbortSignal;
}

/** A running server and what its handlers saw. */
export interface TestServer extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly keys: { readonly accessKeyId: string; readonly secretAccessKey: string };
  readonly calls: SeenCall[];
  readonly credentials: Map<string, Credential>;
  /** The next call that reaches a handler. */
  arrival(): Promise<SeenCall>;
}

export const KEYS = { accessKeyId: "AKIATIDEWAYTEST", secretAccessKey: "a secret of the tests" };
export const ROOT: Principal = {
  accessKeyId: KEYS.accessKeyId,
  accountId: "000000000000",
  arn: "arn:aws:iam::000000000000:root",
  userId: "000000000000",
};

/** What a test may want otherwise. */
export interface TestServerOptions {
  readonly clock?: Clock;
  readonly log?: Log;
  readonly allowedHosts?: readonly string[];
  readonly listener?: Partial<ListenerLimits>;
}

export async function startTestServer(options: TestServerOptions = {}): Promise<TestServer> {
  const calls: SeenCall[] = [];
  const waiting: ((seen: SeenCall) => void)[] = [];
  const clock = options.clock ?? systemClock;
  const credentials = new Map<string, Credential>([
    [KEYS.accessKeyId, { secretAccessKey: KEYS.secretAccessKey, principal: ROOT }],
  ]);
  const dispatcher = createDispatcher({
    mounts: mounts((seen) => {
      calls.push(seen);
      waiting.shift()?.(seen);
    }),
    credentials: { find: (id) => credentials.get(id) },
    clock,
    random: systemRandom,
    log: options.log ?? silentLog,
    allowedHosts: options.allowedHosts ?? [],
  });
  const listener = createListener((message, reply) => dispatcher.handle(message, reply), {
    clock: systemClock,
    limits: options.listener ?? {},
  });
  const { port } = await listener.listen(0, "127.0.0.1");
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    keys: KEYS,
    calls,
    credentials,
    arrival: () => new Promise((resolve) => waiting.push(resolve)),
    [Symbol.asyncDispose]: () => listener[Symbol.asyncDispose](),
  };
}

function mounts(record: (seen: SeenCall) => void): Mount[] {
  const seen = (operation: string, input: object, { caller, trailers, signal }: Context) =>
    record({ operation, input: input as Record<string, unknown>, caller, trailers, signal });
  return [
    mount("sagemaker", [new AwsJson("1.1"), new AwsJson("1.0"), new Cbor()], async () => ({
      sdk: sagemaker,
      client: sagemaker.SageMakerClient,
      handlers: {
        async CreateModel(input, context) {
          seen("CreateModel", input, context);
          return { ModelArn: `arn:aws:sagemaker:us-east-1:000000000000:model/${input.ModelName}` };
        },
        async DescribeModel({ ModelName }, context) {
          seen("DescribeModel", { ModelName }, context);
          if (ModelName === "bug") throw new TypeError("a bug");
          if (ModelName === "full") throw Object.assign(new Error("no room"), { name: "StorageFull" });
          throw new sagemaker.ResourceNotFound({
            message: `Could not find model "${ModelName}".`,
            $metadata: {},
          });
        },
        async ListModels(input, context) {
          seen("ListModels", input, context);
          return {
            Models: [{ ModelName: "iris", ModelArn: "arn:iris", CreationTime: new Date(1_700_000_000_000) }],
          };
        },
      } satisfies Handlers<typeof sagemaker, Context>,
    })),
    mount("sagemaker", [new RestJson()], async () => ({
      sdk: runtime,
      client: runtime.SageMakerRuntimeClient,
      handlers: {
        async InvokeEndpoint(input, context) {
          seen("InvokeEndpoint", input, context);
          if (input.EndpointName === "broken")
            throw new runtime.ModelError({
              message: "Received server error (500)",
              OriginalStatusCode: 500,
              OriginalMessage: "boom",
              $metadata: {},
            });
          if (input.EndpointName === "hangs")
            await new Promise((resolve) => context.signal.addEventListener("abort", resolve));
          if (input.EndpointName === "crlf") return { Body: input.Body, CustomAttributes: "a\r\nx: y" };
          return {
            Body: input.Body,
            ContentType: input.ContentType ?? "application/octet-stream",
            InvokedProductionVariant: "AllTraffic",
            CustomAttributes: input.CustomAttributes,
          };
        },
        async InvokeEndpointWithResponseStream(input, context) {
          seen("InvokeEndpointWithResponseStream", input, context);
          return {
            ContentType: "text/plain",
            InvokedProductionVariant: "AllTraffic",
            Body: words(input.EndpointName),
          };
        },
      } satisfies Handlers<typeof runtime, Context>,
    })),
    mount("sts", [new AwsQuery()], async () => ({
      sdk: sts,
      client: sts.STSClient,
      handlers: {
        async GetCallerIdentity(input, context) {
          seen("GetCallerIdentity", input, context);
          return {
            Account: context.caller.accountId,
            Arn: context.caller.arn,
            UserId: context.caller.userId,
          };
        },
      } satisfies Handlers<typeof sts, Context>,
    })),
    mount("s3", [new RestXml("http://s3.amazonaws.com/doc/2006-03-01/")], async () => ({
      sdk: s3Sdk,
      client: s3Sdk.S3Client,
      handlers: objects(seen),
    })),
  ];
}

async function* words(endpoint: string) {
  for (const word of ["one ", "two ", "three"]) yield { PayloadPart: { Bytes: Buffer.from(word) } };
  if (endpoint === "breaks")
    throw new runtime.ModelStreamError({
      message: "The model stopped.",
      ErrorCode: "StreamBroken",
      $metadata: {},
    });
}

function objects(
  seen: (operation: string, input: object, context: Context) => void,
): Handlers<typeof s3Sdk, Context> {
  const kept = new Map<string, Buffer>();
  return {
    async PutObject(input, context) {
      const bytes = await collect(input.Body ?? ([] as never));
      seen("PutObject", input, context);
      kept.set(`${input.Bucket}/${input.Key}`, bytes);
      return { ETag: `"${createHash("md5").update(bytes).digest("hex")}"` };
    },
    async GetObject({ Bucket, Key }, context) {
      seen("GetObject", { Bucket, Key }, context);
      const bytes = kept.get(`${Bucket}/${Key}`);
      if (!bytes) throw new s3Sdk.NoSuchKey({ message: "The specified key does not exist.", $metadata: {} });
      return { Body: bytes, ContentLength: bytes.length };
    },
    async ListBuckets(input, context) {
      seen("ListBuckets", input, context);
      return { Buckets: [{ Name: "b" }] };
    },
  };
}
