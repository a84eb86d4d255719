import { execFile } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { has } from "../journeys/session.ts";
import { TidewayServer } from "../support/tideway-server.ts";

const run = promisify(execFile);
const hasBoto3 = has("python3", "-c", "import boto3");
const hasAws = has("aws", "--version");

let server: TidewayServer;
beforeAll(async () => {
  server = await TidewayServer.start();
});
afterAll(() => server[Symbol.asyncDispose]());

test.skipIf(!hasBoto3)(
  "boto3 does what users do with CloudWatch (needs python3 with boto3)",
  { timeout: 180_000 },
  async () => {
    const script = fileURLToPath(new URL("cloudwatch-boto3.py", import.meta.url));
    const { url, accessKeyId, secretAccessKey } = server.server;
    const { stdout } = await run("python3", [script, url, accessKeyId, secretAccessKey]);
    expect(stdout).toBe("ok metrics\nok alarms\nok errors\n");
  },
);

test.skipIf(!hasAws)(
  "the AWS CLI puts a metric, asks for it, and has an alarm (needs aws)",
  { timeout: 180_000 },
  async () => {
    const { url, accessKeyId, secretAccessKey } = server.server;
    const env = {
      ...process.env,
      AWS_ENDPOINT_URL: url,
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
      AWS_DEFAULT_REGION: "us-east-1",
      AWS_CONFIG_FILE: join(server.dataDir, "no-config"),
      AWS_SHARED_CREDENTIALS_FILE: join(server.dataDir, "no-credentials"),
    };
    const aws = async (...args: string[]) => {
      const common = ["--output", "text", "--endpoint-url", url];
      const { stdout } = await run("aws", ["cloudwatch", ...args, ...common], { env });
      return stdout.trim();
    };
    const metric = ["--namespace", "cli", "--metric-name", "logins"];
    await aws("put-metric-data", ...metric, "--value", "3", "--dimensions", "App=web");
    expect(await aws("list-metrics", "--namespace", "cli")).toContain("logins");
    const range = ["--start-time", new Date(Date.now() - 600_000).toISOString()];
    range.push("--end-time", new Date(Date.now() + 60_000).toISOString(), "--period", "3600");
    const sum = ["--statistics", "Sum", "--dimensions", "Name=App,Value=web"];
    expect(
      await aws("get-metric-statistics", ...metric, ...range, ...sum, "--query", "Datapoints[].Sum"),
    ).toMatch(/^3(\.0)?$/);
    const rule = ["--comparison-operator", "LessThanThreshold", "--threshold", "1", "--period", "60"];
    const alarm = ["put-metric-alarm", "--alarm-name", "quiet", ...metric, "--statistic", "Sum"];
    await aws(...alarm, ...rule, "--evaluation-periods", "1", "--treat-missing-data", "notBreaching");
    const state = ["--state-value", "ALARM", "--state-reason", "by hand"];
    await aws("set-alarm-state", "--alarm-name", "quiet", ...state);
    const history = ["--query", "AlarmHistoryItems[?HistoryItemType=='StateUpdate'].HistorySummary"];
    expect(await aws("describe-alarm-history", "--alarm-name", "quiet", ...history)).toMatch(
      /Alarm updated from (OK|INSUFFICIENT_DATA) to ALARM/,
    );
    await aws("delete-alarms", "--alarm-names", "quiet");
    expect(await aws("describe-alarms", "--query", "MetricAlarms[].AlarmName")).toBe("");
  },
);
