import { execFile, execFileSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { serveSns } from "../capabilities/sns/serve-sns.ts";
import { ROOT_KEYS } from "../capabilities/sts/serve-mounts.ts";

const run = promisify(execFile);
const has = (command: string, ...args: string[]) => {
  try {
    execFileSync(command, args, { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
};
const hasBoto3 = has("python3", "-c", "import boto3");
const hasAws = has("aws", "--version");

let server: Awaited<ReturnType<typeof serveSns>>;
beforeAll(async () => {
  server = await serveSns();
});
afterAll(() => server[Symbol.asyncDispose]());

test.skipIf(!hasBoto3)(
  "boto3 does what users do with SNS and SQS (needs python3 with boto3)",
  { timeout: 120_000 },
  async () => {
    const script = fileURLToPath(new URL("sns-sqs-boto3.py", import.meta.url));
    const { accessKeyId, secretAccessKey } = ROOT_KEYS;
    const { stdout } = await run("python3", [script, server.url, accessKeyId, secretAccessKey]);
    expect(stdout).toBe("ok queues\nok gone\n");
  },
);

test.skipIf(!hasAws)("the AWS CLI, from a topic to a queue (needs aws)", { timeout: 180_000 }, async () => {
  const env = {
    ...process.env,
    AWS_ENDPOINT_URL: server.url,
    AWS_ACCESS_KEY_ID: ROOT_KEYS.accessKeyId,
    AWS_SECRET_ACCESS_KEY: ROOT_KEYS.secretAccessKey,
    AWS_DEFAULT_REGION: "us-east-1",
    AWS_CONFIG_FILE: join(server.folder, "no-config"),
    AWS_SHARED_CREDENTIALS_FILE: join(server.folder, "no-credentials"),
  };
  const aws = async (...args: string[]) => {
    // version 1 of the CLI does not read AWS_ENDPOINT_URL for sqs, but goes to queue.amazonaws.com
    const common = ["--output", "text", "--endpoint-url", server.url];
    const { stdout } = await run("aws", [...args, ...common], { env });
    return stdout.trim();
  };
  const topic = await aws("sns", "create-topic", "--name", "cli");
  const queue = await aws("sqs", "create-queue", "--queue-name", "cli");
  const attributes = await aws(
    "sqs",
    "get-queue-attributes",
    "--queue-url",
    queue,
    "--attribute-names",
    "QueueArn",
  );
  const arn = attributes.split(/\s/).at(-1)!;
  await aws(
    "sns",
    "subscribe",
    "--topic-arn",
    topic,
    "--protocol",
    "sqs",
    "--notification-endpoint",
    arn,
    "--attributes",
    "RawMessageDelivery=true",
  );
  await aws("sns", "publish", "--topic-arn", topic, "--message", "from the CLI");
  const query = ["--query", "Messages[0].[Body,ReceiptHandle]"];
  const received = await aws(
    "sqs",
    "receive-message",
    "--queue-url",
    queue,
    "--wait-time-seconds",
    "10",
    ...query,
  );
  const [body, handle] = received.split("\t");
  expect(body).toBe("from the CLI");
  await aws("sqs", "delete-message", "--queue-url", queue, "--receipt-handle", handle!);
});
