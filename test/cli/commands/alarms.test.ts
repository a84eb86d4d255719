import {
  PutCompositeAlarmCommand,
  PutMetricAlarmCommand,
  SetAlarmStateCommand,
} from "@aws-sdk/client-cloudwatch";
import { expect, test } from "vitest";
import { AwsClients } from "../../../src/cli/aws-clients.ts";
import { alarms } from "../../../src/cli/commands/alarms.ts";
import { runProgram } from "../../../src/cli/program.ts";
import { TidewayServer } from "../../support/tideway-server.ts";

test("lists alarms with what they watch, and only those in a state", async () => {
  await using tideway = await TidewayServer.start();
  const { client } = await new AwsClients(tideway.server).cloudwatch();
  const AlarmName = "no-orders";
  await client.send(
    new PutMetricAlarmCommand({
      AlarmName,
      Namespace: "Shop",
      MetricName: "Orders",
      Dimensions: [{ Name: "Town", Value: "Ulm" }],
      Statistic: "Sum",
      Period: 60,
      EvaluationPeriods: 3,
      DatapointsToAlarm: 2,
      Threshold: 1,
      ComparisonOperator: "LessThanThreshold",
    }),
  );
  await client.send(new PutCompositeAlarmCommand({ AlarmName: "shop", AlarmRule: "ALARM(no-orders)" }));
  await client.send(new SetAlarmStateCommand({ AlarmName, StateValue: "OK", StateReason: "trying it out" }));
  client.destroy();

  const { url, accessKeyId, secretAccessKey } = tideway.server;
  const env = {
    AWS_ENDPOINT_URL: url,
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
  };
  const run = async (...words: string[]) => {
    let out = "";
    const sink = { write: (chunk: string | Uint8Array) => void (out += String(chunk)) };
    const world = { out: sink, err: sink, env, signal: new AbortController().signal, version: "0" };
    expect(await runProgram([alarms], ["alarms", ...words], world)).toBe(0);
    return out;
  };
  const listed = await run();
  expect(listed).toMatch(/no-orders .*Sum Shop\/Orders Town=Ulm +< 1, 2 of 3 x 60 s/);
  expect(listed).toMatch(/shop .*ALARM\(no-orders\)/);
  const { event, alarms: none } = JSON.parse(await run("--state", "ALARM", "--json"));
  expect({ event, none }).toEqual({ event: "result", none: [] });
});
