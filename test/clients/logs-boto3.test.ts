import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { has, Session } from "../journeys/session.ts";

const boto3 = has("python3", "-c", "import boto3");
const script = join(fileURLToPath(new URL(".", import.meta.url)), "logs-boto3.py");
const ARN = "arn:aws:logs:us-east-1:000000000000:log-group:/shop";
const ERROR = '{"level": "ERROR", "ms": 12}';

test.skipIf(!boto3)(
  `boto3 puts, finds and tails log events, and reads the errors${boto3 ? "" : " (needs boto3)"}`,
  { timeout: 120_000 },
  async () => {
    await using session = await Session.start();
    const { code, out, err } = await session.run("python3", [script]);
    expect([code, err]).toEqual([0, ""]);
    expect(JSON.parse(out)).toEqual({
      "no group": ["ResourceNotFoundException", "The specified log group does not exist."],
      twice: ["ResourceAlreadyExistsException", "The specified log group already exists"],
      "no stream": ["ResourceNotFoundException", "The specified log stream does not exist."],
      group: ["/shop", `${ARN}:*`, 0],
      tags: { stage: "test" },
      retention: 7,
      "no such retention": "InvalidParameterException",
      start: [ARN],
      rejected: { tooOldLogEventEndIndex: 1 },
      tailed: ["GET /a 200", "GET /b 404", ERROR],
      all: ["GET /a 200", "GET /b 404", ERROR],
      term: ["GET /a 200"],
      columns: ["GET /b 404"],
      json: [ERROR],
      from: ["GET /b 404"],
      "bad pattern": "InvalidParameterException",
      order: [
        "InvalidParameterException",
        "Log events in a single PutLogEvents request must be in chronological order.",
      ],
      streams: [["web", 2]],
      gone: [],
    });
  },
);
