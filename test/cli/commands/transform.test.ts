import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as s3 from "@aws-sdk/client-s3";
import { afterAll, beforeAll, expect, test } from "vitest";
import { commands } from "../../../src/cli/commands.ts";
import { PROGRAM } from "../../../src/cli/program-name.ts";
import { runProgram } from "../../../src/cli/program.ts";
import { progressLine } from "../../../src/cli/transform-job.ts";
import { EXAMPLES, modelArchive, ODD_MODEL, TidewayServer } from "../../support/tideway-server.ts";

const onnx = readFileSync(join(EXAMPLES, "breast-cancer/model.onnx"));
const rows = readFileSync(join(EXAMPLES, "breast-cancer/rows.csv"), "utf8").trim().split("\n");

let tideway: TidewayServer;
beforeAll(async () => {
  tideway = await TidewayServer.start();
  const ModelDataUrl = await tideway.upload("model.tar.gz", await modelArchive({ "model.onnx": onnx }));
  await tideway.model("cancer", { Image: "tideway/onnx", ModelDataUrl });
  await tideway.image("odd", ODD_MODEL);
  await tideway.model("odd", { Image: "odd" });
  await tideway.s3.send(new s3.CreateBucketCommand({ Bucket: "data" }));
  await put("in/a.csv", rows.join("\n"));
  await put("odd/a.txt", "hang");
});
afterAll(() => tideway[Symbol.asyncDispose]());

const put = (Key: string, Body: string) =>
  tideway.s3.send(new s3.PutObjectCommand({ Bucket: "data", Key, Body }));
const get = async (Key: string) =>
  (await tideway.s3.send(new s3.GetObjectCommand({ Bucket: "data", Key }))).Body!.transformToString();

/** One use of the command line; `onOut` sees what is said while it runs. */
async function run(
  words: readonly string[],
  world: { ask?: () => Promise<string | undefined>; onOut?: (chunk: string, stop: () => void) => void } = {},
) {
  const interrupted = new AbortController();
  const { url, accessKeyId, secretAccessKey } = tideway.server;
  let [out, err] = ["", ""];
  const code = await runProgram(commands, words, {
    out: {
      write(chunk) {
        out += chunk.toString();
        world.onOut?.(chunk.toString(), () => interrupted.abort());
      },
      isTTY: true,
      columns: 200,
    },
    err: { write: (chunk) => (err += chunk.toString()) },
    env: {
      NO_COLOR: "1",
      AWS_ENDPOINT_URL: url,
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
    },
    signal: interrupted.signal,
    ask: world.ask,
    version: "1.2.3",
  });
  return { code, out, err };
}

const job = (name: string, model: string, input: string, ...more: string[]) => [
  "transform",
  "--name",
  name,
  "--model",
  model,
  "--input",
  `s3://data/${input}/`,
  "--output",
  "s3://data/out",
  ...more,
];

test("a job is run, seen to its end, listed and described", async () => {
  const joined = ["--split", "line", "--join", "--output-filter", "$[0,-1]"];
  const { code, out, err } = await run(job("joined", "cancer", "in", ...joined));
  expect({ code, err }).toEqual({ code: 0, err: "" });
  expect(out).toContain("joined is InProgress\n");
  expect(out).toContain(`]  100.0 %  1 of 1 objects  ${rows.length} rows`);
  expect(out).toContain("The output is in s3://data/out\n");
  const written = (await get("out/a.csv.out")).trimEnd().split("\n");
  expect(written.map((row) => row.split(",")[0])).toEqual(rows.map((row) => row.split(",")[0]));
  expect(written[0]!.split(",")).toHaveLength(2);

  expect((await run(["transform", "ls"])).out).toMatch(/^joined +Completed +\d+s$/m);
  for (const describe of [["transform", "describe"], ["describe"]]) {
    const described = await run([...describe, "joined"]);
    expect(described.out).toMatch(/^Status +Completed$/m);
    expect(described.out).toMatch(/^Progress +\[=+\] {2}100\.0 % {2}1 of 1 objects/m);
    expect(described.out).toMatch(/^Output filter +\$\[0,-1\]$/m);
  }
});

test("a program gets its progress as events, and a failure as an error", async () => {
  await put("bad/a.csv", "1,2\nthree\n");
  const { code, out } = await run(job("bad", "cancer", "bad", "--split", "line", "--json"));
  const events = out
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(code).toBe(1);
  expect(events[0]).toMatchObject({ event: "progress", state: "InProgress" });
  expect(events.at(-2)).toMatchObject({ event: "progress", state: "Failed", objects: { failed: 1 } });
  expect(events.at(-1)).toMatchObject({ event: "error", exitCode: 1 });
  expect(String(events.at(-1)!["message"])).toMatch(/^bad is Failed: .*s3:\/\/data\/bad\/a\.csv/);
});

test("Ctrl-C asks whether the job is to stop, and leaves it alone unless told to", async () => {
  let question = 0;
  const world = (answer: string | undefined) => ({
    ask: async () => {
      question++;
      return answer;
    },
    onOut: (chunk: string, stop: () => void) => {
      if (chunk.includes("is InProgress")) stop();
    },
  });
  const left = await run(job("left", "odd", "odd"), world("n"));
  expect(left).toMatchObject({
    code: 130,
    err: `left goes on. Stop it with:  ${PROGRAM} transform stop left\n`,
  });
  expect((await run(["transform", "ls"])).out).toMatch(/^left +InProgress/m);

  const stopped = await run(job("stopped", "odd", "odd"), world("yes"));
  expect(stopped).toMatchObject({ code: 130, err: "" });
  expect(stopped.out).toContain("stopped is Stopped\n");
  expect(question).toBe(2);

  const ended = await run(["transform", "stop", "left"]);
  expect(ended).toMatchObject({ code: 0 });
  expect(ended.out).toContain("left is Stopped\n");
});

test.each([
  [["transform", "--model", "cancer"], 2, "tideway transform needs --input."],
  [job("x", "none", "in"), 3, "Could not find model"],
  [job("x", "cancer", "in", "--join"), 8, "text/csv needs TransformInput.SplitType Line."],
  [job("x", "cancer", "in", "--instances", "0"), 2, "--instances takes a whole number from 1 to 100"],
  [["transform", "describe", "none"], 3, "Could not find requested job"],
  [["describe", "none"], 3, "Could not find endpoint"],
])("%j ends with %i", async (words, code, message) => {
  const ended = await run(words);
  expect(ended.code).toBe(code);
  expect(ended.err).toContain(message);
});

test("a job that is not waited for", async () => {
  const { code, out } = await run(job("later", "cancer", "in", "--split", "line", "--no-wait"));
  expect({ code, out }).toEqual({
    code: 0,
    out: `later has begun.\nSee how far it is with:  ${PROGRAM} transform describe later\n`,
  });
});

test.each([
  [
    {
      objects: { done: 3, failed: 1, total: 8 },
      bytes: { done: 5e8, total: 1e9 },
      percent: 50,
      secondsLeft: 185,
    },
    "[============            ]  50.0 %  3 of 8 objects (1 failed)  1,234,567 rows  500 MB  45,678 rows/s  3 min 5 s left",
  ],
  [
    { objects: { done: 0, failed: 0 }, bytes: { done: 0 } },
    "[                        ]  0 of ? objects  1,234,567 rows  0 B  45,678 rows/s",
  ],
])("how far %j is", (counts, line) => {
  const rates = { records: 1_234_567, recordsPerSecond: 45_678, bytesPerSecond: 0 };
  expect(progressLine({ state: "InProgress", ...rates, ...counts })).toBe(line);
});
