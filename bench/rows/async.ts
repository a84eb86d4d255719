import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { AsyncRequest } from "../../src/capabilities/async-inference/request.ts";
import { RequestTable } from "../../src/capabilities/async-inference/request-table.ts";
import type { Bench, Row } from "../row.ts";
import { median, spread } from "../statistics.ts";
import { ENDPOINT, type Subject } from "../subject.ts";

const CONNECTIONS = 16;
const REQUESTS = 1000;
/** Takes requests; works on none, for its variant has no weight. */
const ACCEPTING = "async-accepting";
const WORKING = "async-working";

/** Asynchronous requests: how fast they are accepted, and how fast a backlog of them is worked off. */
export async function asyncRows({ subject, load, quick, note }: Bench): Promise<Row[]> {
  const body = (await readFile(new URL("../../examples/models/breast-cancer/rows.csv", import.meta.url)))
    .toString()
    .split("\n", 1)[0]!;
  await deploy(subject, ACCEPTING, 0);
  await deploy(subject, WORKING, 1);
  const rounds = quick ? 3 : 5;
  const milliseconds = quick ? 1000 : 2000;
  const accepted = { rates: [] as number[], p50: [] as number[], bare: [] as number[] };
  const worked = { rates: [] as number[], realTime: [] as number[], single: [] as number[] };
  for (let round = 0; round < rounds; round++) {
    const { perSecond, p50 } = await load.measure({
      url: subject.connection.url,
      pids: subject.pids(),
      path: `/endpoints/${ACCEPTING}/async-invocations`,
      headers: { "x-amzn-sagemaker-content-type": "text/csv" },
      signer: subject.connection,
      bodies: [body],
      connections: CONNECTIONS,
      milliseconds,
    });
    accepted.rates.push(perSecond);
    accepted.p50.push(p50);
    accepted.bare.push(await bareWrites(body, milliseconds));
    worked.rates.push(await workedOff(subject, body));
    worked.realTime.push(await realTime(subject, body));
    for (let asked = 0; asked < 10; asked++) worked.single.push(await single(subject, body));
  }
  note(`async: ${rounds} rounds of accepting, and of ${REQUESTS} requests`);
  await subject.remove(ACCEPTING);
  await subject.remove(WORKING);
  const against = "the same writes without HTTP";
  return [
    {
      name: "InvokeEndpointAsync, c=16: rate of durable acceptance",
      unit: "req/s",
      tideway: median(accepted.rates),
      baseline: median(accepted.bare),
      against,
      spread: [spread(accepted.rates), spread(accepted.bare)],
      goal: { of: "ratio", atLeast: 0.4 },
    },
    {
      name: "InvokeEndpointAsync, c=16: p50 of acceptance",
      unit: "ms",
      tideway: median(accepted.p50),
      spread: [spread(accepted.p50)],
      goal: { of: "value", atMost: 1 },
    },
    {
      name: `${REQUESTS} asynchronous requests, from the first asked to the last result: rate`,
      unit: "req/s",
      tideway: median(worked.rates),
      baseline: median(worked.realTime),
      against: "InvokeEndpoint by the same client",
      spread: [spread(worked.rates), spread(worked.realTime)],
    },
    {
      name: "One asynchronous request, asked to result: p50",
      unit: "ms",
      tideway: median(worked.single),
    },
  ];
}

async function deploy(subject: Subject, name: string, weight: number): Promise<void> {
  const { sdk, client } = await subject.aws.sagemaker();
  const role = `arn:aws:iam::${subject.connection.accountId}:role/bench`;
  await client.send(
    new sdk.CreateModelCommand({
      ModelName: name,
      ExecutionRoleArn: role,
      PrimaryContainer: { Image: "tideway/auto", ModelDataUrl: subject.modelUrl },
    }),
  );
  await client.send(
    new sdk.CreateEndpointConfigCommand({
      EndpointConfigName: name,
      ProductionVariants: [
        {
          VariantName: "AllTraffic",
          ModelName: name,
          InstanceType: "ml.m5.large",
          InitialInstanceCount: 1,
          InitialVariantWeight: weight,
        },
      ],
      AsyncInferenceConfig: {
        ClientConfig: { MaxConcurrentInvocationsPerInstance: CONNECTIONS },
        OutputConfig: { S3OutputPath: `s3://bench/${name}` },
      },
    }),
  );
  await client.send(new sdk.CreateEndpointCommand({ EndpointName: name, EndpointConfigName: name }));
  for (;;) {
    const { EndpointStatus, FailureReason } = await client.send(
      new sdk.DescribeEndpointCommand({ EndpointName: name }),
    );
    if (EndpointStatus === "InService") return;
    if (EndpointStatus !== "Creating") throw new Error(`${name} is ${EndpointStatus}: ${FailureReason}`);
  }
}

/** How many of these requests one process writes in a second, as many at a time. */
async function bareWrites(body: string, milliseconds: number): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), "tideway-bench-"));
  const bytes = Buffer.from(body);
  const request: AsyncRequest = {
    inferenceId: "00000000-0000-4000-8000-000000000000",
    endpoint: ACCEPTING,
    endpointUid: "00000000-0000-4000-8000-000000000000",
    ownName: true,
    outputLocation: `s3://bench/${ACCEPTING}/00000000-0000-4000-8000-000000000000.out`,
    headers: { "content-type": "text/csv" },
    receivedAt: 0,
    expiresAt: 0,
    ttlSeconds: 21_600,
    timeoutSeconds: 900,
    notify: { responseIn: [] },
  };
  {
    using table = new RequestTable(join(folder, "requests.sqlite"), (error) => {
      throw error;
    });
    const start = performance.now();
    let written = 0;
    const write = async () => {
      for (; performance.now() - start < milliseconds; written++) await table.add(request, bytes);
    };
    await Promise.all(Array.from({ length: CONNECTIONS }, write));
    const took = performance.now() - start;
    await rm(folder, { recursive: true, force: true });
    return (written / took) * 1000;
  }
}

/** Requests per second from the first that is asked until there are as many results more. */
async function workedOff(subject: Subject, body: string): Promise<number> {
  const before = await results(subject);
  const start = performance.now();
  await asked(async (sdk, client) => {
    await client.send(
      new sdk.InvokeEndpointAsyncCommand({
        EndpointName: WORKING,
        ContentType: "text/csv",
        Body: Buffer.from(body),
      }),
    );
  }, subject);
  while ((await results(subject)) < before + REQUESTS) await pause(100);
  return (REQUESTS / (performance.now() - start)) * 1000;
}

async function realTime(subject: Subject, body: string): Promise<number> {
  const start = performance.now();
  await asked(async (sdk, client) => {
    await client.send(
      new sdk.InvokeEndpointCommand({ EndpointName: ENDPOINT, ContentType: "text/csv", Body: body }),
    );
  }, subject);
  return (REQUESTS / (performance.now() - start)) * 1000;
}

type Runtime = Awaited<ReturnType<Subject["aws"]["runtime"]>>;

async function asked(
  ask: (sdk: Runtime["sdk"], client: Runtime["client"]) => Promise<void>,
  subject: Subject,
): Promise<void> {
  const { sdk, client } = await subject.aws.runtime();
  let left = REQUESTS;
  const one = async () => {
    while (left-- > 0) await ask(sdk, client);
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, one));
  client.destroy();
}

/** Milliseconds until the result of one request can be read. */
async function single(subject: Subject, body: string): Promise<number> {
  const [runtime, s3] = [await subject.aws.runtime(), await subject.aws.s3()];
  const start = performance.now();
  const { OutputLocation = "" } = await runtime.client.send(
    new runtime.sdk.InvokeEndpointAsyncCommand({
      EndpointName: WORKING,
      ContentType: "text/csv",
      Body: Buffer.from(body),
    }),
  );
  const Key = OutputLocation.replace("s3://bench/", "");
  const head = () => s3.client.send(new s3.sdk.HeadObjectCommand({ Bucket: "bench", Key }));
  while (
    !(await head().then(
      () => true,
      () => false,
    ))
  );
  const took = performance.now() - start;
  runtime.client.destroy();
  s3.client.destroy();
  return took;
}

async function results(subject: Subject): Promise<number> {
  const { sdk, client } = await subject.aws.s3();
  let count = 0;
  let token: string | undefined;
  do {
    const page = await client.send(
      new sdk.ListObjectsV2Command({ Bucket: "bench", Prefix: `${WORKING}/`, ContinuationToken: token }),
    );
    count += page.KeyCount ?? 0;
    token = page.NextContinuationToken;
  } while (token !== undefined);
  client.destroy();
  return count;
}
