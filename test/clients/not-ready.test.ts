/** What callers notice of an instance that dies while it has nothing to do: the SDKs' own retries bridge it. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import * as runtime from "@aws-sdk/client-sagemaker-runtime";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { has } from "../journeys/session.ts";
import { CONTRACT_SERVER, TidewayServer } from "../support/tideway-server.ts";

const boto3 = has("python3", "-c", "import boto3");

/** Longer than a request waits for an instance, so that the answer is ModelNotReadyException once or more. */
const SLOW_MS = 1500;

const ASK = `
import boto3, json, sys
endpoint, key, secret = sys.argv[1:]
client = boto3.client("sagemaker-runtime", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id=key,
    aws_secret_access_key=secret)
answer = client.invoke_endpoint(EndpointName="again", Body=b"x")
print(json.load(answer["Body"])["pid"])
`;

describe("F06: the only instance is killed while idle, and takes 1.5 s to come back", () => {
  let tideway: TidewayServer;

  beforeAll(async () => {
    tideway = await TidewayServer.start({ patience: { stableMs: 0 } }); // without a backoff that grows
    await tideway.image("contract", CONTRACT_SERVER);
    // two, for one that is killed three times in ten seconds counts as a crash loop
    for (const name of ["slow", "again"])
      await tideway.deploy(name, { Image: "contract", Environment: { SLOW_MS: String(SLOW_MS) } });
  });
  afterAll(() => tideway[Symbol.asyncDispose]());

  /** Once it answers; returns the process that is dead then. */
  async function kill(name: string): Promise<number> {
    for (;;) {
      const answer = await tideway.invoke(name, "x").catch(() => undefined);
      if (!answer) continue;
      const { pid } = JSON.parse(answer.text) as { pid: number };
      process.kill(pid, "SIGKILL");
      // a request that it still takes would be in flight; a zombie's threads may yet hold its sockets
      await expect.poll(() => exists(pid)).toBe(false);
      return pid;
    }
  }

  test("JS SDK", async () => {
    const { url: endpoint, region, accessKeyId, secretAccessKey } = tideway.server;
    const credentials = { accessKeyId, secretAccessKey };
    const client = new runtime.SageMakerRuntimeClient({ endpoint, region, credentials });
    const dead = await kill("slow");
    const command = new runtime.InvokeEndpointCommand({ EndpointName: "slow", Body: "x" });
    const { Body, $metadata } = await client.send(command);
    client.destroy();
    expect((JSON.parse(Buffer.from(Body).toString()) as { pid: number }).pid).not.toBe(dead);
    expect($metadata.attempts).toBeGreaterThan(1);
  });

  test("what it is told without retries", async () => {
    await kill("slow");
    const error = await tideway.invoke("slow", "x").catch((thrown: Error) => thrown);
    expect(error).toBeInstanceOf(runtime.ModelNotReadyException);
    expect(error).toMatchObject({
      $metadata: { httpStatusCode: 429 },
      message:
        "Variant AllTraffic of endpoint slow has no instance that is ready: they are being started. Wait and try your request again.",
    });
  });

  test.skipIf(!boto3)(`boto3${boto3 ? "" : " (needs boto3)"}`, async () => {
    const { url, accessKeyId, secretAccessKey } = tideway.server;
    const dead = await kill("again");
    const args = ["-c", ASK, url, accessKeyId, secretAccessKey];
    const { stdout } = await promisify(execFile)("python3", args);
    expect(Number(stdout)).toBeGreaterThan(0);
    expect(Number(stdout)).not.toBe(dead);
  });
});

function exists(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
