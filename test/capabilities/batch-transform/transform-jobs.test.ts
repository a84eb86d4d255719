/** The life of a transform job on a virtual clock: instances, order, stops, and going on after a kill. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { type FakeModel, sums, TransformFixture } from "./transform-fixture.ts";

let jobs: TransformFixture;
beforeEach(async () => {
  jobs = await TransformFixture.open();
});
afterEach(() => jobs[Symbol.asyncDispose]());

const MIB = 1024 ** 2;

test("a job waits until its instances are ready, asks the container, and leaves no fleet behind", async () => {
  jobs.engine.startAs = "starting";
  jobs.model = (request) =>
    request.path === "/execution-parameters"
      ? '{"MaxConcurrentTransforms":4,"BatchStrategy":"SINGLE_RECORD","MaxPayloadInMB":2}'
      : sums(request);
  await jobs.put("in/a.csv", "1,2\n3,4\n");
  await jobs.create("job", {
    TransformResources: { InstanceType: "ml.m5.large", InstanceCount: 2 },
    Environment: { MODE: "fast" },
    TransformInput: {
      DataSource: { S3DataSource: { S3DataType: "S3Prefix", S3Uri: "s3://data/in/" } },
      ContentType: "text/csv",
      SplitType: "Line",
    },
    TransformOutput: { S3OutputPath: "s3://out/", AssembleWith: "Line", Accept: "text/csv" },
  });
  await jobs.clock.advance(5000);
  expect(await jobs.describe("job")).toMatchObject({ TransformJobStatus: "InProgress" });
  const { id } = jobs.engine.fleets()[0]!;
  expect(jobs.engine.specs.get(id)).toMatchObject({
    desired: 2,
    instanceType: "ml.m5.large",
    container: {
      image: "model",
      environment: {
        MODE: "fast",
        SAGEMAKER_BATCH: "true",
        SAGEMAKER_MAX_PAYLOAD_IN_MB: "6",
        SAGEMAKER_BATCH_STRATEGY: "MULTI_RECORD",
        SAGEMAKER_MAX_CONCURRENT_TRANSFORMS: "1",
      },
    },
  });
  jobs.engine.become(id, "ready");
  expect(await jobs.ended("job")).toMatchObject({
    TransformJobStatus: "Completed",
    MaxConcurrentTransforms: 4,
    MaxPayloadInMB: 2,
    BatchStrategy: "SingleRecord",
  });
  expect(await jobs.output("a.csv.out")).toBe("3\n7\n");
  expect(jobs.requests.map(({ text }) => text)).toEqual(["1,2", "3,4"]);
  expect(jobs.requests[0]!.headers).toEqual(["content-type", "text/csv", "accept", "text/csv"]);
  await jobs.retired();
  expect(jobs.engine.deleted).toEqual([id]);
});

test("a container that can not be started fails the job, with its log's end", async () => {
  jobs.engine.brokenImage = "model";
  await jobs.put("in/a.csv", "1\n");
  await jobs.create("job");
  expect(await jobs.ended("job")).toMatchObject({
    TransformJobStatus: "Failed",
    FailureReason:
      "AlgorithmError: The container for transform job job could not be started: It broke. Last log lines: first line | last line",
  });
});

test("instances that are never ready fail the job when AWS's time is over", async () => {
  jobs.engine.startAs = "starting";
  await jobs.put("in/a.csv", "1\n");
  await jobs.create("job");
  await jobs.clock.advance(3_860_000);
  expect(await jobs.describe("job")).toMatchObject({ TransformJobStatus: "InProgress" });
  await jobs.clock.advance(20_000);
  expect(await jobs.ended("job")).toMatchObject({
    TransformJobStatus: "Failed",
    FailureReason: "InternalServerError: The instances were not ready after 3870 s.",
  });
});

test("an engine that refuses to be asked fails the job when the time is over", async () => {
  await jobs.put("in/a.csv", "1\n");
  jobs.engine.apply = () => Promise.reject(new Error("no engine"));
  await jobs.create("job");
  await jobs.clock.advance(3_800_000);
  expect(await jobs.describe("job")).toMatchObject({ TransformJobStatus: "InProgress" });
  await jobs.clock.advance(200_000);
  expect(await jobs.ended("job")).toMatchObject({
    TransformJobStatus: "Failed",
    FailureReason:
      "InternalServerError: The instances were not ready after 3870 s. The server's log says why.",
  });
});

test("payloads that end in any order are written in the order of the object", async () => {
  const rows = Array.from({ length: 40 }, (_, row) => `${row},${"0".repeat(200_000)}`);
  await jobs.put("in/a.csv", `${rows.join("\n")}\n`);
  let underWay = 0;
  let most = 0;
  const three = Promise.withResolvers<void>();
  jobs.model = async (request) => {
    if (request.path !== "/invocations") return { status: 404 };
    most = Math.max(most, ++underWay);
    if (most === 3) three.resolve();
    await three.promise;
    const { promise, resolve } = Promise.withResolvers<void>();
    jobs.clock.after(10 + jobs.random.number() * 1000, resolve);
    await promise;
    underWay--;
    return sums(request);
  };
  await jobs.create("job", { MaxPayloadInMB: 1, MaxConcurrentTransforms: 3 });
  expect(await jobs.ended("job")).toMatchObject({ TransformJobStatus: "Completed" });
  expect(await jobs.output("a.csv.out")).toBe(rows.map((_, row) => `${row}\n`).join(""));
  expect(jobs.requests).toHaveLength(8);
  expect(jobs.metrics.get("PercentDone")).toBe(100);
  expect(jobs.metrics.get("ObjectsDone")).toBe(1);
  expect(most).toBe(3);
});

test("objects are shared out to the instances by key; instances without one of their own help", async () => {
  const instances = async (name: string, objects: number) => {
    for (let object = 0; object < objects; object++)
      await jobs.put(`${name}/${object}.csv`, `${object},${"0".repeat(600_000)}\n`.repeat(4));
    jobs.requests.length = 0;
    await jobs.create(name, {
      MaxPayloadInMB: 1,
      TransformResources: { InstanceType: "ml.m5.large", InstanceCount: 4 },
      TransformInput: {
        DataSource: { S3DataSource: { S3DataType: "S3Prefix", S3Uri: `s3://data/${name}/` } },
        SplitType: "Line",
      },
    });
    expect(await jobs.ended(name)).toMatchObject({ TransformJobStatus: "Completed" });
    const used = new Map<string, Set<string>>();
    for (const { text, instance } of jobs.requests) {
      const object = text.split(",")[0]!;
      used.set(object, (used.get(object) ?? new Set()).add(instance.split("/")[1]!));
    }
    return [...used].sort(([a], [b]) => Number(a) - Number(b)).map(([, set]) => [...set].sort().join());
  };
  jobs.model = async (request) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    jobs.clock.after(100, resolve);
    await promise;
    return sums(request);
  };
  expect(await instances("many", 6)).toEqual(["0", "1", "2", "3", "0", "1"]);
  expect(await instances("few", 2)).toEqual(["0,2", "1,3"]);
});

test("a stop is obeyed within 5 s, whatever is under way, and leaves no unfinished upload", async () => {
  await jobs.put("in/a.csv", "1,1\n");
  await jobs.put("in/b.csv", `1,${"0".repeat(90_000)}\n`.repeat(300));
  jobs.model = ({ text, path }) => {
    if (path !== "/invocations") return { status: 404 };
    return jobs.requests.length > 20 ? new Promise(() => {}) : text;
  };
  await jobs.create("job", { MaxPayloadInMB: 1 });
  await jobs.until(() => jobs.requests.length > 20);
  expect((await jobs.left()).uploads).toBe(1);
  const stopped = jobs.clock.now();
  await jobs.stop("job");
  await jobs.stop("job");
  const job = await jobs.ended("job");
  expect(job.TransformJobStatus).toBe("Stopped");
  expect(job.FailureReason).toBeUndefined();
  expect(jobs.clock.now() - stopped).toBeLessThan(5_000);
  await jobs.retired();
  expect(await jobs.left()).toEqual({ keys: ["a.csv.out"], uploads: 0 });
  await expect(jobs.stop("job")).rejects.toThrow(
    "The request was rejected because the transform job is in status Stopped.",
  );
});

test.each(["completeUpload", "putPart"] as const)("a stop while %s hangs", async (operation) => {
  await jobs.put("in/b.csv", `1,${"0".repeat(90_000)}\n`.repeat(150));
  jobs.model = ({ text }) => text;
  const begun = Promise.withResolvers<void>();
  const answered = Promise.withResolvers<void>();
  const { disk } = jobs;
  const original = disk[operation].bind(disk) as (...values: unknown[]) => Promise<never>;
  jobs.troubles = {
    [operation]: async (...values: unknown[]) => {
      begun.resolve();
      await answered.promise;
      return original(...values);
    },
  };
  await jobs.create("job", { MaxPayloadInMB: 1 });
  let hangs = false;
  void begun.promise.then(() => (hangs = true));
  await jobs.until(() => hangs);
  const stopped = jobs.clock.now();
  await jobs.stop("job");
  expect((await jobs.ended("job")).TransformJobStatus).toBe("Stopped");
  expect(jobs.clock.now() - stopped).toBeLessThan(5_000);
  answered.resolve();
  await jobs.retired();
  await jobs.until(async () => (await jobs.left()).uploads === 0);
});

/** Doubles each byte count: outputs as large as inputs, so that there are parts. */
const echo: FakeModel = ({ text, path }) => (path === "/invocations" ? text : { status: 404 });

test("a job that is killed at any time goes on to the same bytes, and does nothing twice that is in a part", async () => {
  const large = Array.from({ length: 3000 }, (_, row) => `${row},${"x".repeat(15_000)}\n`).join("");
  const small = (object: number) => `small ${object}\n`.repeat(object + 1);
  await jobs.put("in/large.csv", large);
  for (let object = 0; object < 20; object++) await jobs.put(`in/small-${object}.csv`, small(object));
  jobs.model = echo;
  await jobs.create("job", { MaxPayloadInMB: 1 });
  let offset = 0;
  for (let kill = 1; kill <= 4; kill++) {
    const uid = await jobs.uid("job");
    const next = () => jobs.checkpoint(uid, "in/large.csv")?.next.offset ?? 0;
    await jobs.until(() => next() > offset);
    jobs.kill();
    offset = next();
    await jobs.start();
  }
  expect(offset).toBeGreaterThan(16 * MIB);
  const resumed = jobs.requests.length;
  expect(await jobs.ended("job")).toMatchObject({ TransformJobStatus: "Completed" });
  expect(await jobs.output("large.csv.out")).toBe(large);
  for (let object = 0; object < 20; object++)
    expect(await jobs.output(`small-${object}.csv.out`)).toBe(small(object));
  // what was in parts at the last kill was not sent again
  const again = jobs.requests.slice(resumed).reduce((sum, { text }) => sum + text.length, 0);
  expect(again).toBeLessThanOrEqual(large.length - offset + 20 * 400);
  await jobs.retired();
  expect(await jobs.left()).toMatchObject({ uploads: 0 });
});

test("an object that was replaced while control was away fails, and its parts are gone", async () => {
  const large = `1,${"x".repeat(90_000)}\n`.repeat(400);
  await jobs.put("in/large.csv", large);
  jobs.model = ({ text, path }) => {
    if (path !== "/invocations") return { status: 404 };
    return jobs.requests.length > 20 ? new Promise(() => {}) : text;
  };
  await jobs.create("job", { MaxPayloadInMB: 1 });
  await jobs.until(() => jobs.requests.length > 20);
  jobs.kill();
  await jobs.put("in/large.csv", `1,${"y".repeat(90_000)}\n`.repeat(400));
  jobs.model = echo;
  await jobs.start();
  expect(await jobs.ended("job")).toMatchObject({
    TransformJobStatus: "Failed",
    FailureReason:
      'ClientError: s3://data/in/large.csv: The object "in/large.csv" in the bucket "data" was replaced meanwhile.',
  });
  await jobs.retired();
  expect(await jobs.left()).toEqual({ keys: [], uploads: 0 });
});

test("an upload that is gone after a restart is begun anew", async () => {
  const large = `1,${"x".repeat(90_000)}\n`.repeat(300);
  await jobs.put("in/large.csv", large);
  jobs.model = ({ text, path }) => {
    if (path !== "/invocations") return { status: 404 };
    return jobs.requests.length > 20 ? new Promise(() => {}) : text;
  };
  await jobs.create("job", { MaxPayloadInMB: 1 });
  await jobs.until(() => jobs.requests.length > 20);
  jobs.kill();
  jobs.disk.uploads.abort(jobs.checkpoint(await jobs.uid("job"), "in/large.csv")!.upload);
  jobs.model = echo;
  await jobs.start();
  expect(await jobs.ended("job")).toMatchObject({ TransformJobStatus: "Completed" });
  expect(await jobs.output("large.csv.out")).toBe(large);
});

test("of many jobs some run, and the others have their turn", async () => {
  await jobs.put("in/a.csv", "1,2\n");
  for (let job = 0; job < 20; job++) await jobs.create(`job-${job}`);
  let most = 0;
  await jobs.until(async () => {
    most = Math.max(most, jobs.engine.fleets().length);
    return (await jobs.describe("job-19")).TransformJobStatus === "Completed";
  });
  for (let job = 0; job < 20; job++)
    expect((await jobs.ended(`job-${job}`)).TransformJobStatus).toBe("Completed");
  expect(most).toBe(8);
});

test("MaxPayloadInMB 0 passes an object on as it comes, and its answer", async () => {
  await jobs.put("in/a.csv", "1,2\n3,4\n");
  await jobs.create("job", { MaxPayloadInMB: 0, MaxConcurrentTransforms: 1 });
  expect(await jobs.ended("job")).toMatchObject({ TransformJobStatus: "Completed", MaxPayloadInMB: 0 });
  expect(await jobs.output("a.csv.out")).toBe("3\n7\n");
});

test("data capture lists what went in and came out, and gives each record an id that a restart does not change", async () => {
  await jobs.put("in/a.csv", "1,2\n3,4\n");
  await jobs.put("in/b/c.csv", "5,6\n");
  await jobs.create("job", {
    DataCaptureConfig: { DestinationS3Uri: "s3://out/captured/", GenerateInferenceId: true },
  });
  expect(await jobs.ended("job")).toMatchObject({ TransformJobStatus: "Completed" });
  const { keys } = await jobs.left();
  const [input, output] = keys.filter((key) => key.startsWith("captured/"));
  expect(input).toMatch(/^captured\/input\/2026\/01\/01\/00\/[0-9a-f-]{36}\.json$/);
  expect(JSON.parse((await jobs.output(input!))!)).toEqual([{ prefix: "s3://data/in/" }, "a.csv", "b/c.csv"]);
  expect(output).toMatch(/^captured\/output\/2026\/01\/01\/00\//);
  expect(JSON.parse((await jobs.output(output!))!)).toEqual([
    { prefix: "s3://out/" },
    "a.csv.out",
    "b/c.csv.out",
  ]);
  const rows = (await jobs.output("a.csv.out"))!.trim().split("\n");
  expect(rows[0]).toMatch(
    /^3,[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12},2026-01-01T00:00:00/,
  );
  expect(rows[1]).toMatch(/^7,/);
});
