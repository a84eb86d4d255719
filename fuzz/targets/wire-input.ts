/** The bodies of API calls in each protocol: a Fault, or an input that the rules were held against. */
import * as iam from "@aws-sdk/client-iam";
import * as s3 from "@aws-sdk/client-s3";
import * as sagemaker from "@aws-sdk/client-sagemaker";
import { bodyOf, Fault, type HttpRequest } from "../../src/wire/http.ts";
import type { Protocol } from "../../src/wire/protocol.ts";
import { AwsQuery } from "../../src/wire/query.ts";
import { RestXml } from "../../src/wire/rest.ts";
import { AwsJson, Cbor } from "../../src/wire/rpc.ts";
import { IAM_RULES, s3Rules, sagemakerRules } from "../../src/wire/rules.ts";
import { type Operation, Service, type ServiceSettings } from "../../src/wire/service.ts";
import { type Rules, validate } from "../../src/wire/validate.ts";
import { attempt, attemptAsync, type FuzzTarget, Finding } from "../target.ts";

const settings = { region: "us-east-1", credentials: { accessKeyId: "-", secretAccessKey: "-" } };
const service = (sdk: object, client: { config: unknown }) =>
  new Service(sdk, "", client.config as ServiceSettings);
const sagemakerService = service(sagemaker, new sagemaker.SageMakerClient(settings));
const s3Service = service(s3, new s3.S3Client(settings));
const iamService = service(iam, new iam.IAMClient(settings));

interface Call {
  readonly protocol: Protocol;
  readonly operation: Operation;
  readonly rules: Rules;
  readonly request: Partial<HttpRequest>;
}

const call = (
  protocol: Protocol,
  on: Service,
  name: string,
  rules: Rules,
  request: Partial<HttpRequest> = {},
): Call => ({
  protocol,
  operation: on.operations.get(name)!,
  rules,
  request,
});
const XML = new RestXml("http://s3.amazonaws.com/doc/2006-03-01/");
const rules = sagemakerRules(sagemaker);

/** The first byte of an input chooses among these. */
const CALLS: readonly Call[] = [
  call(new AwsJson("1.1"), sagemakerService, "CreateModel", rules),
  call(new AwsJson("1.1"), sagemakerService, "CreateEndpointConfig", rules),
  call(new Cbor(), sagemakerService, "CreateModel", rules),
  call(new Cbor(), sagemakerService, "ListEndpoints", rules),
  call(new AwsQuery(), iamService, "CreateRole", IAM_RULES),
  call(new AwsQuery(), iamService, "TagRole", IAM_RULES),
  call(XML, s3Service, "DeleteObjects", s3Rules(s3), { method: "POST", path: "/bucket", rawQuery: "delete" }),
  call(XML, s3Service, "CompleteMultipartUpload", s3Rules(s3), {
    method: "POST",
    path: "/bucket/key",
    rawQuery: "uploadId=u",
  }),
];

export const target: FuzzTarget = {
  seeds: [
    '\0{"ModelName":"m","ExecutionRoleArn":"arn:aws:iam::000000000000:role/r","PrimaryContainer":{"Image":"i","Environment":{"a":"b"}},"Tags":[{"Key":"k","Value":"v"}]}',
    '\x01{"EndpointConfigName":"c","ProductionVariants":[{"VariantName":"v","ModelName":"m","InitialVariantWeight":0.5,"InitialInstanceCount":1}]}',
    Buffer.concat([
      Buffer.of(2, 0xa2, 0x69),
      Buffer.from("ModelName"),
      Buffer.of(0x61, 0x6d, 0x64),
      Buffer.from("Tags"),
      Buffer.of(0x81, 0xa2, 0x63),
      Buffer.from("Key"),
      Buffer.of(0x61, 0x6b, 0x65),
      Buffer.from("Value"),
      Buffer.of(0x61, 0x76),
    ]),
    Buffer.concat([
      Buffer.of(3, 0xbf, 0x6a),
      Buffer.from("MaxResults"),
      Buffer.of(0x18, 0x64, 0x6f),
      Buffer.from("CreationTimeAfter".slice(0, 15)),
      Buffer.of(0xc1, 0xfb, 0x41, 0xd2, 0, 0, 0, 0, 0, 0, 0xff),
    ]),
    "\x04Action=CreateRole&RoleName=r&AssumeRolePolicyDocument=%7B%7D&Tags.member.1.Key=k&Tags.member.1.Value=v",
    "\x05RoleName=r&Tags.member.2.Key=k&Tags.member.1.Value=",
    '\x06<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Object><Key>a&amp;b</Key></Object><Object><Key>&#x41;</Key><VersionId>1</VersionId></Object><Quiet>true</Quiet></Delete>',
    "\x07<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>&quot;e&quot;</ETag></Part></CompleteMultipartUpload>",
  ],
  dictionary: [
    '<!DOCTYPE a [<!ENTITY b "c">]>',
    "&b;",
    "<![CDATA[",
    "]]>",
    "<!--",
    "<?xml ?>",
    "__proto__",
    "constructor",
    ".member.",
    "=",
    "&",
    "\x9b\xff\xff\xff\xff\xff\xff\xff\xff",
    "\xbb\x7f\xff\xff\xff\xff\xff\xff\xff",
    "\x5a\xff\xff\xff\xff",
    "\xc2\x48",
    "\xf9\x7e\0",
    "null",
    "1e999",
    '{"a":',
    "[[",
  ],
  async run(input) {
    const { protocol, operation, rules, request } = CALLS[(input[0] ?? 0) % CALLS.length]!;
    const body = input.subarray(1);
    const rawQuery = request.rawQuery ?? "";
    const { value } = await attemptAsync(
      () =>
        protocol.read(operation, {
          method: "POST",
          path: "/",
          headers: {},
          ...request,
          rawQuery,
          query: new URLSearchParams(rawQuery),
          body: bodyOf(body),
          form: new URLSearchParams(body.toString("latin1")),
        }),
      // the dispatcher tells errors of the SDK's codecs as a SerializationException
      Error,
    );
    if (({} as { polluted?: unknown }).polluted !== undefined || Object.keys(Object.prototype).length)
      throw new Finding("the prototype of all objects has changed");
    if (value) attempt(() => validate(operation.input, value, rules, "ValidationException"), Fault);
  },
};
