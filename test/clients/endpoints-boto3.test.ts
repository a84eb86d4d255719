import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { has, Session } from "../journeys/session.ts";

const boto3 = has("python3", "-c", "import boto3");
const root = fileURLToPath(new URL("../..", import.meta.url));
const ARN = "arn:aws:sagemaker:us-east-1:000000000000";

test.skipIf(!boto3)(
  `boto3 deploys, asks, fails and cleans up as it does on AWS${boto3 ? "" : " (needs boto3)"}`,
  { timeout: 180_000 },
  async () => {
    await using session = await Session.start();
    const { code, out, err } = await session.run("python3", [
      join(root, "test/clients/endpoints-boto3.py"),
      root,
    ]);
    expect([code, err]).toEqual([0, ""]);
    const seen = JSON.parse(out) as Record<string, any>;
    const { probabilities } = JSON.parse(
      readFileSync(join(root, "examples/models/breast-cancer/expected.json"), "utf8"),
    ) as { probabilities: number[][] };
    const predictions = seen["predictions"] as number[][];
    predictions.flat().forEach((value, index) => expect(value).toBeCloseTo(probabilities.flat()[index]!, 5));
    expect(
      seen["streamed"]
        .trim()
        .split("\n")
        .map((line: string) => line.split(",").map(Number)),
    ).toEqual(predictions);
    expect(seen).toMatchObject({
      variant: "AllTraffic",
      "not a number": {
        code: "ModelError",
        status: 424,
        OriginalStatusCode: 400,
        message: expect.stringContaining("Received client error (400) from primary with message"),
      },
      "no endpoint": {
        code: "ValidationError",
        status: 400,
        message: "Endpoint absent of account 000000000000 not found.",
      },
      "no model": {
        code: "ValidationException",
        status: 400,
        message: `Could not find model "${ARN}:model/absent".`,
      },
      "bad name": {
        code: "ValidationException",
        message:
          "1 validation error detected: Value 'a_b' at 'endpointName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}",
      },
      "bad enum": {
        code: "ValidationException",
        message: expect.stringMatching(
          /^1 validation error detected: Value 'ml\.huge' at 'productionVariants\.1\.member\.instanceType' failed to satisfy constraint: Member must satisfy enum value set: \[/,
        ),
      },
      "not built": { code: "UnknownOperationException", status: 400 },
      again: {
        code: "ValidationException",
        message: `Cannot create already existing endpoint "${ARN}:endpoint/cancer".`,
      },
      script: [2.5, 5, 10],
      package: expect.stringMatching(/needs the Python package 'frobnicate'.*Install it with/),
      endpoints: [
        ["cancer", "InService"],
        ["package", "Failed"],
        ["script", "InService"],
      ],
      failed: ["package"],
      tags: [{ Key: "from", Value: "boto3" }],
      account: "000000000000",
      role: "arn:aws:iam::000000000000:role/sagemaker",
      "by role": 3,
      "wrong key": { code: "InvalidSignatureException" },
      left: [],
    });
  },
);
