import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { has, Session } from "../journeys/session.ts";

const boto3 = has("python3", "-c", "import boto3");
const root = fileURLToPath(new URL("../..", import.meta.url));
const ARN = "arn:aws:sagemaker:us-east-1:000000000000:transform-job/good";

test.skipIf(!boto3)(
  `boto3 runs transform jobs, waits for them, lists them and reads their errors${boto3 ? "" : " (needs boto3)"}`,
  { timeout: 180_000 },
  async () => {
    await using session = await Session.start();
    const script = join(root, "test/clients/transform-boto3.py");
    const { code, out, err } = await session.run("python3", [script, root]);
    expect([code, err]).toEqual([0, ""]);
    const { rows, ...seen } = JSON.parse(out) as { rows: string };
    const { probabilities } = JSON.parse(
      readFileSync(join(root, "examples/models/breast-cancer/expected.json"), "utf8"),
    ) as { probabilities: number[][] };
    const values = rows
      .trim()
      .split("\n")
      .flatMap((row) => row.split(",").map(Number));
    values.forEach((value, at) => expect(value).toBeCloseTo(probabilities.flat()[at]!, 5));
    expect(values).toHaveLength(probabilities.flat().length);
    expect(seen).toEqual({
      arn: ARN,
      good: "Completed",
      waiter: "Failed",
      reason: expect.stringMatching(
        /^ClientError: s3:\/\/jobs\/bad\/rows\.csv: Record 1, which begins at byte 0: the model answered with status 400: "/,
      ),
      list: [
        ["bad", "Failed"],
        ["good", "Completed"],
      ],
      stop: [
        "ValidationException",
        "The request was rejected because the transform job is in status Completed.",
      ],
      twice: [
        "ResourceInUse",
        `Job name must be unique within an AWS account and region, and a job with this name already exists (${ARN})`,
      ],
      missing: ["ValidationException", "Could not find requested job with name: none"],
    });
  },
);
