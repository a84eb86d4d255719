/** A transform job while control is killed again and again: its output is that of a job that nobody disturbed. */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import * as s3 from "@aws-sdk/client-s3";
import * as sagemaker from "@aws-sdk/client-sagemaker";
import { expect, test } from "vitest";
import { SeededRandom } from "../support/seeded-random.ts";
import { ODD_MODEL } from "../support/tideway-server.ts";
import { faultRuns, timeFor } from "./fault-runs.ts";
import { KillableServer, until } from "./killable-server.ts";

const KILLS = faultRuns(5);
const OBJECTS = 200;
const seesProcesses = existsSync("/proc/self/cwd");

test.skipIf(!seesProcesses)(
  "kill -9 of control during a job of 200 objects: the output is byte for byte that of an undisturbed one",
  async () => {
    await using server = await KillableServer.start("--sandbox", "none");
    const { tideway } = server;
    const { s3: objects, sagemaker: client } = tideway;
    await tideway.image("odd", ODD_MODEL);
    await tideway.model("odd", { Image: "odd", Environment: { WORK_MS: "25" } });
    await objects.send(new s3.CreateBucketCommand({ Bucket: "data" }));
    const expected = new Map<string, string>();
    const put = async (object: number) => {
      // one in forty is large enough for several parts
      const rows = object % 40 === 0 ? 12_000 : 1 + (object % 50);
      const Body = Array.from(
        { length: rows },
        (_, row) => `${object},${row},${"x".repeat(object % 40 === 0 ? 990 : 20)}\n`,
      ).join("");
      await objects.send(new s3.PutObjectCommand({ Bucket: "data", Key: `in/${object}.csv`, Body }));
      expected.set(`out/${object}.csv.out`, md5(Body));
    };
    for (let object = 0; object < OBJECTS; object += 4)
      await Promise.all([0, 1, 2, 3].map((more) => put(object + more)));
    await client.send(
      new sagemaker.CreateTransformJobCommand({
        TransformJobName: "job",
        ModelName: "odd",
        MaxPayloadInMB: 1,
        MaxConcurrentTransforms: 1,
        TransformInput: {
          DataSource: { S3DataSource: { S3DataType: "S3Prefix", S3Uri: "s3://data/in/" } },
          SplitType: "Line",
          ContentType: "text/csv",
        },
        TransformOutput: { S3OutputPath: "s3://data/out", AssembleWith: "Line" },
        TransformResources: { InstanceType: "ml.m5.large", InstanceCount: 2 },
      }),
    );
    /** As ListTransformJobs says it, which holds no answer back; undefined while nobody answers. */
    const state = async () => {
      const { TransformJobSummaries: jobs = [] } = await client
        .send(new sagemaker.ListTransformJobsCommand({}))
        .catch(() => ({ TransformJobSummaries: [] }));
      return jobs[0]?.TransformJobStatus;
    };
    const random = new SeededRandom(11);
    let killed = 0;
    while (killed < KILLS && (await state()) !== "Completed") {
      await new Promise((resolve) => setTimeout(resolve, random.number() * 400));
      for (const pid of server.role("control")) {
        process.kill(pid, "SIGKILL");
        killed++;
      }
      await until(() => server.role("control").length > 0);
    }
    await until(async () => {
      const now = await state();
      return now !== undefined && now !== "InProgress";
    });
    expect(await state()).toBe("Completed");
    const found = new Map<string, string>();
    for (const key of expected.keys()) {
      const { Body } = await objects.send(new s3.GetObjectCommand({ Bucket: "data", Key: key }));
      found.set(key, md5(await Body!.transformToString("latin1")));
    }
    expect(found).toEqual(expected);
    const listed = await objects.send(new s3.ListObjectsV2Command({ Bucket: "data", Prefix: "out/" }));
    expect(listed.KeyCount).toBe(OBJECTS);
    const uploads = await objects.send(new s3.ListMultipartUploadsCommand({ Bucket: "data" }));
    console.log(`${killed} kills of control; ${uploads.Uploads?.length ?? 0} unfinished uploads are left`);
  },
  timeFor(KILLS, 6_000),
);

const md5 = (text: string) => createHash("md5").update(text, "latin1").digest("hex");
