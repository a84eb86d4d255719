/** What can go wrong with a transform job: its state, its FailureReason, and what is left behind. */
import { gzipSync } from "node:zlib";
import { StorageFull } from "../../../src/base/sqlite/database.ts";
import { afterEach, beforeEach, expect, test } from "vitest";
import { broke, sums, TransformFixture } from "./transform-fixture.ts";

let jobs: TransformFixture;
beforeEach(async () => {
  jobs = await TransformFixture.open();
});
afterEach(() => jobs[Symbol.asyncDispose]());

const once = { ModelClientConfig: { InvocationsMaxRetries: 0, InvocationsTimeoutInSeconds: 5 } };
const partial = { Environment: { TIDEWAY_BATCH_PARTIAL: "true" } };
const gzip = {
  TransformInput: {
    DataSource: { S3DataSource: { S3DataType: "S3Prefix" as const, S3Uri: "s3://data/in/" } },
    ContentType: "text/csv",
    SplitType: "Line" as const,
    CompressionType: "Gzip" as const,
  },
};

/** Beside a good object, so that it is seen that the job goes on. */
async function failed(reason: string | RegExp, more = {}, keys = ["good.csv.out"]) {
  await jobs.put("in/good.csv", "1,2\n3,4\n");
  await jobs.create("job", more);
  const job = await jobs.ended("job");
  expect(job.FailureReason).toMatch(reason);
  expect(job.TransformJobStatus).toBe("Failed");
  expect(job.TransformEndTime).toBeInstanceOf(Date);
  await jobs.retired();
  expect(await jobs.left()).toEqual({ keys, uploads: 0 });
  return job;
}

test("a model that times out is asked as often as was said, and the object has no output", async () => {
  await jobs.put("in/bad.csv", "1,1\nhang,1\n");
  jobs.model = (request) => (request.text.includes("hang") ? new Promise(() => {}) : sums(request));
  const { FailureReason } = await failed(/./, {
    ModelClientConfig: { InvocationsMaxRetries: 2, InvocationsTimeoutInSeconds: 5 },
  });
  expect(FailureReason).toBe(
    "AlgorithmError: s3://data/in/bad.csv: Records 1 to 2, which begin at byte 0: the model did not answer within the 5 s of InvocationsTimeoutInSeconds. It was asked 3 times.",
  );
  expect(jobs.requests.filter(({ text }) => text.includes("hang"))).toHaveLength(3);
});

test("a record that the model refuses is found among those that were sent with it", async () => {
  const rows = Array.from({ length: 100 }, (_, row) => (row === 41 ? "wrong,1" : "1,1"));
  await jobs.put("in/bad.csv", `${rows.join("\n")}\n`);
  jobs.model = (request) =>
    request.text.includes("wrong") ? { status: 400, body: Buffer.from("not a number") } : sums(request);
  const { FailureReason } = await failed(/./, once);
  expect(FailureReason).toBe(
    'ClientError: s3://data/in/bad.csv: Record 42, which begins at byte 164: the model answered with status 400: "not a number".',
  );
});

test("a model that fails is asked again, and need not fail then", async () => {
  await jobs.put("in/good.csv", "1,2\n");
  let asked = 0;
  jobs.model = (request) => (++asked < 4 ? { status: 503 } : sums(request));
  await jobs.create("job");
  expect(await jobs.ended("job")).toMatchObject({ TransformJobStatus: "Completed" });
  expect(await jobs.output("good.csv.out")).toBe("3\n");
  expect(asked).toBe(4);
});

test("a record under which the instance ends takes none of the others along", async () => {
  await jobs.put("in/bad.csv", "crash,1\n");
  await jobs.put("in/beside.csv", "5,5\n");
  let crashes = 0;
  jobs.model = async (request) => {
    if (request.text.includes("crash")) {
      crashes++;
      throw broke();
    }
    return sums(request);
  };
  const keys = ["beside.csv.out", "good.csv.out"];
  const { FailureReason } = await failed(/./, {}, keys);
  expect(FailureReason).toBe(
    "AlgorithmError: s3://data/in/bad.csv: Record 1, which begins at byte 0: the model's instance broke off: it closed the connection. It was asked 4 times.",
  );
  expect(crashes).toBe(5);
});

test("a model that answers fewer rows than it was given", async () => {
  await jobs.put("in/bad.csv", "1,1\n2,2\n3,3\n");
  const join = { DataProcessing: { JoinSource: "Input" as const } };
  jobs.model = (request) => (request.text.includes("3,3") ? "2\n4\n" : sums(request));
  await failed(/^ClientError: s3:\/\/data\/in\/bad\.csv: .*(2 rows|row)/, { ...once, ...join });
  expect(await jobs.output("good.csv.out")).toBe("1,2,3\n3,4,7\n");
});

test("an entry of a manifest that is no text, twice there, or names no object", async () => {
  const manifest = (uri: string) => ({
    TransformInput: { DataSource: { S3DataSource: { S3DataType: "ManifestFile" as const, S3Uri: uri } } },
  });
  for (const [entries, reason] of [
    [[{ prefix: "s3://data/in/" }, "good.csv", 17], "has an entry 3 that is no text: 17."],
    [[{ prefix: "s3://data/in/" }, "a", "b", "a"], 'has the entry 4 twice, "a": see 2.'],
    [["good.csv"], 'must have {"prefix": "s3://bucket/..."} as its first entry.'],
    [{ prefix: "s3://data/in/" }, "is not a JSON list."],
  ] as const) {
    const name = `bad-${jobs.clock.now()}`;
    await jobs.put("list.json", JSON.stringify(entries));
    await jobs.create(name, manifest("s3://data/list.json"));
    const { TransformJobStatus, FailureReason } = await jobs.ended(name);
    expect(TransformJobStatus).toBe("Failed");
    expect(FailureReason).toBe(`ClientError: The manifest s3://data/list.json ${reason}`);
    expect((await jobs.left()).keys).toEqual([]);
    await jobs.clock.advance(1000);
  }
  await jobs.put("list.json", JSON.stringify([{ prefix: "s3://data/in/" }, "gone.csv", "good.csv"]));
  await failed(
    'ClientError: s3://data/in/gone.csv: There is no object "in/gone.csv" in the bucket "data".',
    manifest("s3://data/list.json"),
  );
});

test("a prefix with no object, a bucket that is not there", async () => {
  await jobs.create("none");
  expect(await jobs.ended("none")).toMatchObject({
    TransformJobStatus: "Failed",
    FailureReason:
      'ClientError: No S3 objects found under S3 URL "s3://data/in/" given in input data source.',
  });
  const nowhere = {
    DataSource: { S3DataSource: { S3DataType: "S3Prefix" as const, S3Uri: "s3://nowhere/in" } },
  };
  await jobs.create("nowhere", { TransformInput: nowhere });
  expect((await jobs.ended("nowhere")).FailureReason).toMatch(/There is no bucket "nowhere"\.$/);
  expect(jobs.requests).toEqual([]);
});

test("an object that is deleted, or replaced, before its turn", async () => {
  await jobs.put("in/a.csv", "1,1\n");
  await jobs.put("in/b.csv", "2,2\n");
  const get = jobs.disk.get.bind(jobs.disk);
  let puts = 1;
  jobs.troubles = {
    async get(bucket, key, ...more) {
      if (key === "in/a.csv") jobs.disk.remove("data", key);
      if (key === "in/b.csv") await jobs.put(key, "3,3\n".repeat(++puts));
      return get(bucket, key, ...more);
    },
  };
  const { FailureReason } = await failed(/./);
  expect(FailureReason).toBe(
    'ClientError: s3://data/in/a.csv: There is no object "in/a.csv" in the bucket "data". 2 of 3 objects failed.',
  );
  await jobs.create("again", {
    TransformInput: {
      ...gzip.TransformInput,
      CompressionType: "None",
      DataSource: { S3DataSource: { S3DataType: "S3Prefix", S3Uri: "s3://data/in/b" } },
    },
  });
  expect((await jobs.ended("again")).FailureReason).toBe(
    'ClientError: s3://data/in/b.csv: The object "in/b.csv" in the bucket "data" was replaced meanwhile.',
  );
});

test("an object that is replaced, or grows, while it is read gives what it was", async () => {
  await jobs.put("in/good.csv", "1,2\n".repeat(50_000));
  jobs.model = async (request) => {
    if (request.path === "/invocations") await jobs.put("in/good.csv", "9,9\n".repeat(60_000));
    return sums(request);
  };
  await jobs.create("job");
  expect(await jobs.ended("job")).toMatchObject({ TransformJobStatus: "Completed" });
  expect(await jobs.output("good.csv.out")).toBe("3\n".repeat(50_000));
});

test("mixed and truncated Gzip", async () => {
  const packed = gzipSync("1,2\n".repeat(5000));
  await jobs.put("in/a.csv.gz", packed);
  await jobs.put("in/b.csv.gz", packed.subarray(0, packed.length - 10));
  await jobs.put("in/c.csv.gz", Buffer.concat([gzipSync("1,1\n"), gzipSync("2,2\n")]));
  await jobs.put("in/good.csv.gz", gzipSync("1,2\n"));
  await jobs.create("job", gzip);
  const job = await jobs.ended("job");
  expect(job.FailureReason).toBe(
    `ClientError: s3://data/in/b.csv.gz: The object is truncated: its gzip data breaks off after ${packed.length - 10} bytes.`,
  );
  expect((await jobs.left()).keys).toEqual(["a.csv.gz.out", "c.csv.gz.out", "good.csv.gz.out"]);
  expect(await jobs.output("c.csv.gz.out")).toBe("2\n4\n");
  await jobs.put("in/plain.csv", "1,2\n");
  await jobs.create("mixed", gzip);
  expect((await jobs.ended("mixed")).FailureReason).toMatch(/2 of 5 objects failed\.$/);
});

test("invalid UTF-8 is the model's to judge, and is joined as it is", async () => {
  const row = Buffer.concat([Buffer.from("1,"), Buffer.from([0xff, 0xfe]), Buffer.from("\n")]);
  await jobs.put("in/bytes.csv", row);
  jobs.model = () => "7\n";
  await jobs.create("job", { DataProcessing: { JoinSource: "Input" } });
  expect(await jobs.ended("job")).toMatchObject({ TransformJobStatus: "Completed" });
  const { body } = await jobs.disk.get("out", "bytes.csv.out");
  expect(Buffer.concat(await Array.fromAsync(body)).equals(Buffer.from("1,\xff\xfe,7\n", "latin1"))).toBe(
    true,
  );
});

test("a record larger than MaxPayloadInMB", async () => {
  await jobs.put("in/bad.csv", `1,1\n${"2".repeat(1_100_000)}\n3,3\n`);
  const { FailureReason } = await failed(/./, { ...once, MaxPayloadInMB: 1 });
  expect(FailureReason).toMatch(
    /^ClientError: s3:\/\/data\/in\/bad\.csv: Record 2, which begins at byte 4, /,
  );
});

test("a filter that matches nothing", async () => {
  await jobs.put("in/bad.csv", "1\n");
  const { FailureReason } = await failed(/./, { ...once, DataProcessing: { InputFilter: "$[1]" } });
  expect(FailureReason).toMatch(
    /^ClientError: s3:\/\/data\/in\/bad\.csv: Record 1, which begins at byte 0, /,
  );
});

test("an output bucket that is not there, or goes", async () => {
  await jobs.put("in/good.csv", "1,2\n");
  await jobs.create("nowhere", { TransformOutput: { S3OutputPath: "s3://nowhere/x" } });
  expect(await jobs.ended("nowhere")).toMatchObject({
    TransformJobStatus: "Failed",
    FailureReason:
      'ClientError: The output can not be written to s3://nowhere/x: There is no bucket "nowhere".',
  });
  expect(jobs.requests).toEqual([]);
  jobs.model = (request) => {
    if (request.path === "/invocations") jobs.disk.deleteBucket("out");
    return sums(request);
  };
  await jobs.create("goes");
  expect((await jobs.ended("goes")).FailureReason).toBe(
    'ClientError: The output can not be written to s3://out/good.csv.out: There is no bucket "out".',
  );
});

test("S3 that fails is asked again; when it goes on failing, the object fails and the job ends", async () => {
  await jobs.put("in/bad.csv", "1,1\n");
  await jobs.put("in/good.csv", "1,2\n");
  let fails = 2;
  const get = jobs.disk.get.bind(jobs.disk);
  jobs.troubles = {
    get: (bucket, key, ...more) => {
      if (key === "in/bad.csv" && fails-- > 0) throw new Error("503 SlowDown");
      return get(bucket, key, ...more);
    },
  };
  await jobs.create("passes");
  expect(await jobs.ended("passes")).toMatchObject({ TransformJobStatus: "Completed" });
  jobs.disk.remove("out", "bad.csv.out");
  fails = Infinity;
  await failed("InternalServerError: The object store failed: 503 SlowDown (s3://data/in/bad.csv)");
});

test("the disk full", async () => {
  const put = jobs.disk.put.bind(jobs.disk);
  jobs.troubles = {
    put: (bucket, key, ...more) => {
      if (key === "bad.csv.out") throw new StorageFull("the disk has no room for the object");
      return put(bucket, key, ...more);
    },
  };
  await jobs.put("in/bad.csv", "1,1\n");
  const { FailureReason } = await failed(/./);
  expect(FailureReason).toBe(
    "InternalServerError: The object store failed: the disk has no room for the object (s3://data/in/bad.csv)",
  );
});

test("a partial job writes what succeeded, and what did not beside it", async () => {
  const rows = Array.from({ length: 20 }, (_, row) => (row % 7 === 3 ? "wrong" : `${row},1`));
  await jobs.put("in/bad.csv", `${rows.join("\n")}\n`);
  jobs.model = (request) =>
    request.text.includes("wrong") ? { status: 400, body: Buffer.from("no") } : sums(request);
  const keys = ["bad.csv.err.jsonl", "bad.csv.out", "good.csv.out"];
  await jobs.put("in/good.csv", "1,2\n3,4\n");
  await jobs.create("job", { ...once, ...partial });
  const job = await jobs.ended("job");
  expect(job.TransformJobStatus).toBe("Failed");
  expect((await jobs.left()).keys).toEqual(keys);
  expect(await jobs.output("bad.csv.out")).toBe(
    rows.flatMap((row, at) => (row === "wrong" ? [] : [`${at + 1}\n`])).join(""),
  );
  const errors = (await jobs.output("bad.csv.err.jsonl"))!
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(errors.map(({ record }) => record)).toEqual([4, 11, 18]);
  expect(errors[0]).toEqual({
    record: 4,
    records: 1,
    offset: 12,
    error: 'ClientError: Record 4, which begins at byte 12: the model answered with status 400: "no".',
  });
  expect(job.FailureReason).toBe(
    'ClientError: s3://data/in/bad.csv: Record 4, which begins at byte 12: the model answered with status 400: "no". What else failed of it is told in s3://out/bad.csv.err.jsonl.',
  );
});
