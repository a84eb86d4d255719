import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import * as autoscaling from "@aws-sdk/client-application-auto-scaling";
import type { Bench, Row } from "../row.ts";
import { median, spread } from "../statistics.ts";
import type { Subject } from "../subject.ts";

const CONTAINER = fileURLToPath(new URL("../serial-container.ts", import.meta.url));
const STEPS = 3;
const PERIOD_MS = 10_000;
/** Of which the policy wants to see three. */
const WINDOW_MS = 3 * PERIOD_MS;
const LIMIT_MS = 2 * WINDOW_MS;

/** Milliseconds from the step of the load until the next instance served, and until then from the end of the policy's window. */
interface Step {
  readonly whole: number;
  readonly afterWindow: number;
}

/** From one to four times what an instance can do, until a policy that looks every 10 s has put another one beside it. */
export async function scalingRows({ subject, note }: Bench): Promise<Row[]> {
  await subject.addImage("bench/serial", [process.execPath, CONTAINER, "{port}"]);
  // each meets the policy's periods at another of their seconds
  const steps = await Promise.all(
    Array.from({ length: STEPS }, (_, index) =>
      loadStep(subject, `scaling-${index}`, (index * PERIOD_MS) / STEPS),
    ),
  );
  note(`scaling: ${STEPS} steps of the load`);
  const row = (name: string, values: readonly number[]) =>
    ({
      name: `Load from 1 to 4 times an instance's: ${name}`,
      unit: "ms",
      tideway: median(values),
      spread: [spread(values)],
    }) as const;
  return [
    row(
      "until the next one serves",
      steps.map(({ whole }) => whole),
    ),
    {
      ...row(
        "of it, after the policy's 3 periods of 10 s",
        steps.map(({ afterWindow }) => afterWindow),
      ),
      goal: { of: "value", atMost: 2000 },
    },
  ];
}

async function loadStep(subject: Subject, name: string, phaseMs: number): Promise<Step> {
  await using _ = await subject.endpoint(name, { image: "bench/serial" });
  await follow(subject, name);
  const { sdk, client } = await subject.aws.runtime();
  const stop = new AbortController();
  let first: string | undefined;
  const other = Promise.withResolvers<number>();
  const ask = async () => {
    while (!stop.signal.aborted) {
      const { Body } = await client.send(new sdk.InvokeEndpointCommand({ EndpointName: name, Body: "1" }));
      const answeredBy = Body.transformToString();
      first ??= answeredBy;
      if (answeredBy !== first) other.resolve(Date.now());
    }
  };
  const asking = [ask()];
  try {
    await pause(PERIOD_MS - (Date.now() % PERIOD_MS) + phaseMs);
    const start = Date.now();
    asking.push(ask(), ask(), ask());
    const limit = pause(LIMIT_MS, undefined, { signal: stop.signal }).then(() => {
      throw new Error(`No other instance served within ${LIMIT_MS / 1000} s.`);
    });
    const served = await Promise.race([other.promise, limit, ...asking.map((one) => one.then(() => 0))]);
    // the period in which the load rises is the first that shows it
    const windowEnd = start - (start % PERIOD_MS) + WINDOW_MS;
    return { whole: served - start, afterWindow: served - windowEnd };
  } finally {
    stop.abort();
    await Promise.allSettled(asking);
    client.destroy();
  }
}

/** Between one instance and four, as many as there are requests at once. */
async function follow({ connection }: Subject, endpoint: string): Promise<void> {
  const { url, region, accessKeyId, secretAccessKey } = connection;
  const client = new autoscaling.ApplicationAutoScalingClient({
    endpoint: url,
    region,
    credentials: { accessKeyId, secretAccessKey },
  });
  const target = {
    ServiceNamespace: "sagemaker",
    ResourceId: `endpoint/${endpoint}/variant/AllTraffic`,
    ScalableDimension: "sagemaker:variant:DesiredInstanceCount",
  } as const;
  await client.send(
    new autoscaling.RegisterScalableTargetCommand({ ...target, MinCapacity: 1, MaxCapacity: 4 }),
  );
  await client.send(
    new autoscaling.PutScalingPolicyCommand({
      ...target,
      PolicyName: "concurrency",
      PolicyType: "TargetTrackingScaling",
      TargetTrackingScalingPolicyConfiguration: {
        TargetValue: 1,
        PredefinedMetricSpecification: {
          PredefinedMetricType: "SageMakerVariantConcurrentRequestsPerModelHighResolution",
        },
      },
    }),
  );
  client.destroy();
}
