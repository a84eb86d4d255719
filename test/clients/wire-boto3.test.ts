import { spawn, spawnSync } from "node:child_process";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type TestServer, startTestServer } from "../wire/test-server.ts";

const hasBoto3 = spawnSync("python3", ["-c", "import boto3"]).status === 0;

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server[Symbol.asyncDispose]());

const PRELUDE = `
import boto3, json, os, urllib.request
from botocore.config import Config
from botocore.exceptions import ClientError, EventStreamError
def client(name, **config):
    return boto3.client(name, region_name="us-east-1", endpoint_url=os.environ["URL"], config=Config(retries={"max_attempts": 0}, **config))
`;

/** What a script prints as JSON. */
async function python(script: string): Promise<unknown> {
  const env = {
    PATH: process.env.PATH,
    URL: server.url,
    AWS_ACCESS_KEY_ID: server.keys.accessKeyId,
    AWS_SECRET_ACCESS_KEY: server.keys.secretAccessKey,
    AWS_EC2_METADATA_DISABLED: "true",
  };
  const child = spawn("python3", ["-c", PRELUDE + script], { env });
  let [output, problem] = ["", ""];
  child.stdout.on("data", (chunk) => (output += String(chunk)));
  child.stderr.on("data", (chunk) => (problem += String(chunk)));
  const code = await new Promise((resolve) => child.once("close", resolve));
  if (code !== 0) throw new Error(problem);
  return JSON.parse(output);
}

describe.skipIf(!hasBoto3)(`boto3${hasBoto3 ? "" : " (skipped: python3 has no boto3)"}`, () => {
  test("json, query, REST: calls and errors", async () => {
    const result = await python(`
sm, rt, sts = client("sagemaker"), client("sagemaker-runtime"), client("sts")
out = [sm.create_model(ModelName="iris", ExecutionRoleArn="arn:aws:iam::000000000000:role/r")["ModelArn"], sts.get_caller_identity()["Account"]]
try: sm.describe_model(ModelName="gone")
except ClientError as error: out.append([error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]])
answer = rt.invoke_endpoint(EndpointName="echo", Body=b"1,2", ContentType="text/csv", CustomAttributes="a=b")
out.append([answer["Body"].read().decode(), answer["ContentType"], answer["CustomAttributes"]])
try: rt.invoke_endpoint(EndpointName="broken", Body=b"x")
except rt.exceptions.ModelError as error: out.append([error.response["OriginalStatusCode"], error.response["OriginalMessage"]])
print(json.dumps(out))`);
    expect(result).toEqual([
      "arn:aws:sagemaker:us-east-1:000000000000:model/iris",
      "000000000000",
      ["ResourceNotFound", 400],
      ["1,2", "text/csv", "a=b"],
      [500, "boom"],
    ]);
  });

  test("a response stream, and an error inside it", async () => {
    const result = await python(`
rt = client("sagemaker-runtime")
words = [e["PayloadPart"]["Bytes"].decode() for e in rt.invoke_endpoint_with_response_stream(EndpointName="words", Body=b"x")["Body"]]
try: list(rt.invoke_endpoint_with_response_stream(EndpointName="breaks", Body=b"x")["Body"])
except EventStreamError as error: words.append(error.response["Error"]["Code"])
print(json.dumps(words))`);
    expect(result).toEqual(["one ", "two ", "three", "ModelStreamError"]);
  });

  test("S3: put, get, and URLs of both versions", async () => {
    const result = await python(`
s3 = client("s3")
s3.put_object(Bucket="b", Key="dir/a b+ü", Body=b"tide" * 50000)
out = [len(s3.get_object(Bucket="b", Key="dir/a b+ü")["Body"].read())]
for version in ("s3", "s3v4"):
    url = client("s3", signature_version=version).generate_presigned_url("get_object", Params={"Bucket": "b", "Key": "dir/a b+ü"})
    out.append([("X-Amz-Signature" in url), len(urllib.request.urlopen(url).read())])
try: s3.get_object(Bucket="b", Key="gone")
except s3.exceptions.NoSuchKey: out.append("NoSuchKey")
print(json.dumps(out))`);
    expect(result).toEqual([200_000, [false, 200_000], [true, 200_000], "NoSuchKey"]);
  });
});
