import * as cloudwatch from "@aws-sdk/client-cloudwatch";
import { compare, compared } from "../compare.ts";
import type { Bench, Row } from "../row.ts";
import { distinctRows, ENDPOINT, Subject } from "../subject.ts";

const ALARMS = 20;

/** InvokeEndpoint while everything is measured and alarms look at percentiles, against a server that measures no request. */
export async function metricsRows(bench: Bench): Promise<Row[]> {
  await using without = await Subject.start({ TIDEWAY_METRICS: "off" });
  await using _ = await alarms(bench.subject);
  const bodies = await distinctRows(1000);
  const results = await compare(bench, {
    label: "metrics",
    tideway: bench.subject.target(ENDPOINT, "text/csv", bodies),
    baseline: without.target(ENDPOINT, "text/csv", bodies),
    connections: [64],
    rounds: 7,
    milliseconds: 3000,
  });
  return compared(
    `InvokeEndpoint csv, c=64, measured, with ${ALARMS} alarms`,
    "requests not measured",
    results.get(64)!,
    { rate: { of: "ratio", atLeast: 0.95 }, p99: undefined, CPU: undefined },
  );
}

/** Alarms on the 99th percentile of the endpoint's latency by the minute, and on its concurrency by 10 seconds. */
async function alarms(subject: Subject): Promise<AsyncDisposable> {
  const { url: endpoint, region, accessKeyId, secretAccessKey } = subject.connection;
  const client = new cloudwatch.CloudWatchClient({
    endpoint,
    region,
    credentials: { accessKeyId, secretAccessKey },
  });
  const names = Array.from({ length: ALARMS }, (_, index) => `bench-${index}`);
  for (const [index, AlarmName] of names.entries())
    await client.send(
      new cloudwatch.PutMetricAlarmCommand({
        AlarmName,
        Namespace: "AWS/SageMaker",
        Dimensions: [
          { Name: "EndpointName", Value: ENDPOINT },
          { Name: "VariantName", Value: "AllTraffic" },
        ],
        EvaluationPeriods: 3,
        Threshold: 1e9,
        ComparisonOperator: "GreaterThanThreshold",
        ...(index % 2 === 0
          ? { MetricName: "ModelLatency", ExtendedStatistic: "p99", Period: 60 }
          : { MetricName: "ConcurrentRequestsPerModel", Statistic: "Maximum" as const, Period: 10 }),
      }),
    );
  return {
    async [Symbol.asyncDispose]() {
      await client.send(new cloudwatch.DeleteAlarmsCommand({ AlarmNames: names }));
      client.destroy();
    },
  };
}
