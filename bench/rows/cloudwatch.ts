import { mkdtempDisposable } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import * as cloudwatch from "@aws-sdk/client-cloudwatch";
import { systemClock } from "../../src/base/clock.ts";
import { silentLog } from "../../src/base/log.ts";
import type { Connection } from "../../src/cli/data-folder.ts";
import { ServerProcess } from "../../src/cli/server-process.ts";
import { metricOf } from "../../src/telemetry/metric.ts";
import { MetricStore } from "../../src/telemetry/metric-store.ts";
import { pointOf } from "../../src/telemetry/point.ts";
import type { Measured } from "../load/measure.ts";
import { sequence } from "../models/sequence.ts";
import { cpuMicroseconds, familyOf } from "../processes.ts";
import type { Bench, Row } from "../row.ts";
import { median, spread } from "../statistics.ts";
import { Subject } from "../subject.ts";

const NAMESPACE = "Bench";
const BATCH = 20;
const CONNECTIONS = 16;
const DAY_SERIES = 10;
const DAY_MINUTES = 1440;
const ALARMS = 1000;
const SERIES = 10_000;
/** How often an alarm is looked at whose period is below a minute. */
const ROUND_MS = 10_000;
/** A server that starts packs what is old at once; ten metrics take it far less. */
const PACKED_MS = 3000;
/** Most data in one PutMetricData. */
const MOST = 1000;

/** Metrics that are put and asked for, and what alarms on them cost, on a server that does nothing else. */
export async function cloudwatchRows(bench: Bench): Promise<Row[]> {
  await using subject = await Subject.start();
  return [
    ...(await putRows(bench, subject)),
    ...(await getRows(bench)),
    ...(await alarmRows(bench, subject)),
  ];
}

function clientOf({ url, region, accessKeyId, secretAccessKey }: Connection): cloudwatch.CloudWatchClient {
  return new cloudwatch.CloudWatchClient({
    endpoint: url,
    region,
    credentials: { accessKeyId, secretAccessKey },
  });
}

/** PutMetricData against the same writes into such a store, as many at a time. */
async function putRows({ load, quick, note }: Bench, subject: Subject): Promise<Row[]> {
  const [rounds, milliseconds] = quick ? [2, 1000] : [5, 2000];
  const chance = sequence(5);
  const batches = Array.from({ length: 100 }, (_, batch) =>
    Array.from({ length: BATCH }, (_, index) => ({ name: `put-${batch}-${index}`, value: chance() * 1000 })),
  );
  const bodies = batches.map((batch) =>
    JSON.stringify({
      Namespace: NAMESPACE,
      MetricData: batch.map(({ name, value }) => ({ MetricName: name, Value: value })),
    }),
  );
  const results = { tideway: [] as Measured[], baseline: [] as number[] };
  const asked = { ...operation(subject, "PutMetricData", bodies), connections: CONNECTIONS };
  await bareWrites(batches, 1000);
  await load.measure({ ...asked, milliseconds: 2000 });
  for (let round = 0; round < rounds; round++) {
    results.baseline.push(await bareWrites(batches, milliseconds));
    results.tideway.push(await load.measure({ ...asked, milliseconds }));
    note(`cloudwatch: PutMetricData, round ${round + 1} of ${rounds}`);
  }
  const rates = results.tideway.map(({ perSecond }) => perSecond);
  return [
    {
      name: `PutMetricData, ${BATCH} in each, c=${CONNECTIONS}: rate`,
      unit: "req/s",
      tideway: median(rates),
      baseline: median(results.baseline),
      against: "the same writes without HTTP",
      spread: [spread(rates), spread(results.baseline)],
      goal: { of: "ratio", atLeast: 0.3 },
    },
    {
      name: `PutMetricData, ${BATCH} in each, c=${CONNECTIONS}: CPU`,
      unit: "µs",
      tideway: median(results.tideway.map((one) => one.cpuMicrosecondsPerRequest)),
    },
  ];
}

/** How many such batches one process writes in a second, as many at a time. */
async function bareWrites(
  batches: readonly (readonly { readonly name: string; readonly value: number }[])[],
  milliseconds: number,
): Promise<number> {
  await using folder = await mkdtempDisposable(join(tmpdir(), "tideway-bench-"));
  await using store = MetricStore.open({
    file: join(folder.path, "metrics.sqlite"),
    clock: systemClock,
    log: silentLog,
    fatal: (error) => {
      throw error;
    },
  });
  const start = performance.now();
  let written = 0;
  const write = async () => {
    while (performance.now() - start < milliseconds) {
      const at = Date.now();
      await store.put(
        batches[written++ % batches.length]!.map(({ name, value }) => ({
          metric: metricOf(NAMESPACE, name, []),
          unit: "None",
          at,
          resolution: 60,
          point: pointOf(value),
        })),
      );
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, write));
  return (written / (performance.now() - start)) * 1000;
}

/** A day by the minute, put before the server was started anew: packed, as what was put through the day is. */
async function getRows({ load, quick, note }: Bench): Promise<Row[]> {
  const end = Math.floor(Date.now() / 60_000) * 60;
  const start = end - DAY_MINUTES * 60;
  const chance = sequence(6);
  const names = Array.from({ length: DAY_SERIES }, (_, index) => `day-${index}`);
  await using folder = await mkdtempDisposable(join(tmpdir(), "tideway-bench-"));
  const data = join(folder.path, "data");
  {
    await using server = await ServerProcess.start(data, process.env);
    const client = clientOf(server.connection);
    for (const MetricName of names)
      await put(
        client,
        Array.from({ length: DAY_MINUTES }, (_, minute) => ({
          MetricName,
          Timestamp: new Date((start + minute * 60) * 1000),
          Values: Array.from({ length: 5 }, () => chance() * 1000),
        })),
      );
    client.destroy();
  }
  await using server = await ServerProcess.start(data, process.env);
  const { connection } = server;
  const pids = () => familyOf(server.pid!);
  await pause(PACKED_MS);
  const body = (stat: string) =>
    JSON.stringify({
      StartTime: start,
      EndTime: end,
      MetricDataQueries: names.map((MetricName, index) => ({
        Id: `m${index}`,
        MetricStat: { Metric: { Namespace: NAMESPACE, MetricName }, Period: 60, Stat: stat },
      })),
    });
  const rows: Row[] = [];
  for (const stat of ["Average", "p99"]) {
    const asked = { ...operation({ connection, pids }, "GetMetricData", [body(stat)]), connections: 1 };
    await load.measure({ ...asked, milliseconds: 500 });
    const { p50 } = await load.measure({ ...asked, milliseconds: quick ? 1500 : 4000 });
    rows.push({
      name: `GetMetricData, 1 day by the minute of ${DAY_SERIES} metrics, ${stat}: p50`,
      unit: "ms",
      tideway: p50,
      ...(stat === "Average" && { goal: { of: "value", atMost: 20 } }),
    });
    note(`cloudwatch: GetMetricData, ${stat}`);
  }
  return rows;
}

/** Each alarm looks at the sum of its own share of all the metrics, every 10 s. */
async function alarmRows({ quick, note }: Bench, subject: Subject): Promise<Row[]> {
  const client = clientOf(subject.connection);
  const rounds = quick ? 1 : 2;
  // enough until the last round is over: what alarms do about missing data is not what is measured
  const first = Math.floor(Date.now() / ROUND_MS) * ROUND_MS - 5 * ROUND_MS;
  const periods = 5 + 5 + 2 * rounds;
  const name = (index: number) => `alarm-${index}`;
  await put(
    client,
    Array.from({ length: SERIES * periods }, (_, index) => ({
      MetricName: name(index % SERIES),
      Timestamp: new Date(first + Math.floor(index / SERIES) * ROUND_MS),
      StorageResolution: 1,
      Value: index % 100,
    })),
  );
  note(`cloudwatch: ${SERIES} metrics`);
  const idle = await cpuOf(subject, rounds);
  const names = Array.from({ length: ALARMS }, (_, alarm) => `bench-${alarm}`);
  await inTurns(names, async (AlarmName, alarm) => {
    const own = Array.from({ length: SERIES / ALARMS - 1 }, (_, index) => ({
      Id: `m${index}`,
      MetricStat: {
        Metric: { Namespace: NAMESPACE, MetricName: name(index * ALARMS + alarm) },
        Period: 10,
        Stat: "Average",
      },
      ReturnData: false,
    }));
    await client.send(
      new cloudwatch.PutMetricAlarmCommand({
        AlarmName,
        Metrics: [...own, { Id: "all", Expression: "SUM(METRICS())", Period: 10 }],
        EvaluationPeriods: 3,
        Threshold: 1e9,
        ComparisonOperator: "GreaterThanThreshold",
      }),
    );
  });
  note(`cloudwatch: ${ALARMS} alarms`);
  while (!(await settled(client))) await pause(500);
  const busy = await cpuOf(subject, rounds);
  client.destroy();
  return [
    {
      name: `${ALARMS} alarms over ${SERIES} metrics: CPU in 10 s, which is a round`,
      unit: "ms",
      tideway: median(busy),
      baseline: median(idle),
      against: "no alarms",
      spread: [spread(busy), spread(idle)],
      goal: { of: "difference", atMost: (ROUND_MS * 5) / 100 },
    },
  ];
}

async function settled(client: cloudwatch.CloudWatchClient): Promise<boolean> {
  const { MetricAlarms = [] } = await client.send(
    new cloudwatch.DescribeAlarmsCommand({ StateValue: "INSUFFICIENT_DATA", MaxRecords: 1 }),
  );
  return MetricAlarms.length === 0;
}

/** Milliseconds of CPU that the server takes in each of some rounds, with nobody asking it anything. */
async function cpuOf(subject: Subject, rounds: number): Promise<number[]> {
  const used: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const pids = subject.pids();
    const before = cpuMicroseconds(pids);
    await pause(ROUND_MS);
    used.push((cpuMicroseconds(pids) - before) / 1000);
  }
  return used;
}

async function put(client: cloudwatch.CloudWatchClient, data: readonly cloudwatch.MetricDatum[]) {
  const batches = Array.from({ length: Math.ceil(data.length / MOST) }, (_, batch) =>
    data.slice(batch * MOST, (batch + 1) * MOST),
  );
  await inTurns(batches, (MetricData) =>
    client.send(new cloudwatch.PutMetricDataCommand({ Namespace: NAMESPACE, MetricData })),
  );
}

/** Some at a time. */
async function inTurns<Item>(
  items: readonly Item[],
  work: (item: Item, index: number) => Promise<unknown>,
): Promise<void> {
  const left = items.entries();
  const one = async () => {
    for (const [index, item] of left) await work(item, index);
  };
  await Promise.all(Array.from({ length: 4 }, one));
}

function operation(subject: Pick<Subject, "connection" | "pids">, name: string, bodies: readonly string[]) {
  const { url, ...signer } = subject.connection;
  return {
    url,
    path: "/",
    headers: {
      "content-type": "application/x-amz-json-1.0",
      "x-amz-target": `GraniteServiceVersion20100801.${name}`,
    },
    signer: { ...signer, service: "monitoring" },
    bodies,
    pids: subject.pids(),
  };
}
